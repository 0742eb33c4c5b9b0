"""What only people at their desks can do in Sage, and what befalls its server: `POST /_sandbox/people/sage200/<deed>`."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.mirror import Doc
from app.sandbox.sage200.amend import delete_order as drop_order
from app.sandbox.sage200.amend import remove_line, save
from app.sandbox.sage200.desk import AT_A_DESK
from app.sandbox.sage200.enter import enter_order
from app.sandbox.sage200.fields import DOCUMENT_STATUS
from app.sandbox.sage200.find import find_document, find_one, find_record
from app.sandbox.sage200.invoice import invoice
from app.sandbox.sage200.lines import STANDARD, Entry
from app.sandbox.sage200.locks import LOCK, take_lock
from app.sandbox.sage200.prices import change_price
from app.sandbox.sage200.refusal import Refused
from app.sandbox.sage200.stamps import stamp_now
from app.sandbox.sage200.stock import find_holding, move_stock
from app.sandbox.sage200.tokens import revoke
from app.sandbox.store import Call
from app.sandbox.world import World

Deed = Callable[[Entry, Doc], Doc]


def routes(world: World) -> list[Route]:
    deeds = [
        Route(f"/_sandbox/people/sage200/{name}", partial(perform, world, deed), methods=["POST"])
        for name, deed in DEEDS.items()
    ]
    return [*deeds, Route("/_sandbox/people/sage200/tunnel", partial(set_tunnel, world), methods=["POST"])]


async def perform(world: World, deed: Deed, request: Request) -> Response:
    """Answers what the deed made; 404 for a record that does not exist, 400 for a wish that cannot be."""
    try:
        wish = await request.json()
        call = Call("sage200", "POST", request.url.path, key=str(wish.get("order", "")))
        with world.store.record(call) as change:
            made = deed(Entry(world, change, stamp_now(world), wish.get("user", "jsmith")), wish)
    except Refused as refused:
        return JSONResponse({"error": refused.message}, refused.status)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)
    return JSONResponse(made)


async def set_tunnel(world: World, request: Request) -> Response:
    """`{"up": bool}`: down, every call answers 504."""
    up = (await request.json())["up"]
    with world.store.record(Call("sage200", "POST", request.url.path)):
        pass
    world.switches.set("sage200.tunnel", "up" if up else "down")
    return JSONResponse({"tunnel": "up" if up else "down"})


def lock(entry: Entry, wish: Doc) -> Doc:
    """`{"order" | "customer" | "product", "user"}`"""
    return {"lock_id": take_lock(entry.world, entry.change, find_record(entry, wish), entry.user)}


def unlock(entry: Entry, wish: Doc) -> Doc:
    entry.change.delete(LOCK, find_record(entry, wish).key)
    return {}


def hold_customer(entry: Entry, wish: Doc) -> Doc:
    """`{"customer", "on_hold"}`"""
    customer = find_one(entry, "customer", wish["customer"], "reference")
    customer.update(on_hold=wish.get("on_hold", True), date_time_updated=entry.stamp)
    entry.change.put("sage200.customer", customer["id"], customer)
    return customer


def change_product(entry: Entry, wish: Doc) -> Doc:
    """`{"product", "active"?, "barcode"?, "code"?, "tax_code"?}`"""
    product = find_one(entry, "product", wish["product"], "code")
    if "active" in wish:
        product["product_status_type"] = "Active" if wish["active"] else "Inactive"
    if "tax_code" in wish:
        product["tax_code_id"] = find_one(entry, "tax_code", wish["tax_code"], "code")["id"]
    product.update({name: wish[name] for name in ("barcode", "code") if name in wish})
    product["date_time_updated"] = entry.stamp
    entry.change.put("sage200.product", product["id"], product)
    return product


def set_price(entry: Entry, wish: Doc) -> Doc:
    """`{"product", "price", "customer"?}`: in the band of that customer, or else in the standard one."""
    product = find_one(entry, "product", wish["product"], "code")
    band = (
        find_one(entry, "customer", wish["customer"], "reference")["price_band_id"]
        if "customer" in wish
        else ""
    )
    change_price(product, str(band), Decimal(str(wish["price"])))
    product["date_time_updated"] = entry.stamp
    entry.change.put("sage200.product", product["id"], product)
    return product


def change_stock(entry: Entry, wish: Doc) -> Doc:
    """`{"product", "warehouse" (HOME), "by"}`: goods received or written off."""
    product = find_one(entry, "product", wish["product"], "code")
    warehouse = find_one(entry, "warehouse", wish.get("warehouse", "HOME"), "name")
    holding = find_holding(entry.change, product["id"], warehouse["id"])
    if holding is None:
        raise Refused(404, "no such holding")
    move_stock(entry.change, holding, stock=Decimal(str(wish["by"])), allocated=Decimal(0), stamp=entry.stamp)
    return find_holding(entry.change, product["id"], warehouse["id"]) or {}


def retype(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "customer_document_no"?, "spare_text_1"?, "analysis_code_1"?}`"""
    order = find_document(entry, wish)
    names = ("customer_document_no", "spare_text_1", "analysis_code_1")
    order.update({name: wish[name] for name in names if name in wish})
    save(entry, order, moved=True)
    return order


def set_status(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "status": "OnHold"}`; a cancelled order gives its stock back."""
    order = find_document(entry, wish)
    if wish["status"] not in DOCUMENT_STATUS:
        raise ValueError(wish["status"])
    order["document_status"] = f"EnumDocumentStatus{wish['status']}"
    if wish["status"] == "Cancelled":
        for line in order["lines"]:
            remove_line(entry, line)
    save(entry, order, moved=True)
    return order


def delete_order(entry: Entry, wish: Doc) -> Doc:
    order = find_document(entry, wish)
    drop_order(entry, str(order["id"]))
    return {}


def phone_order(entry: Entry, wish: Doc) -> Doc:
    """`{"customer" (PHONE), "lines": [{"sku", "quantity"}], "customer_document_no"?}`: typed in at a desk."""
    customer = find_one(entry, "customer", wish.get("customer", "PHONE"), "reference")
    warehouse = find_one(entry, "warehouse", "HOME", "name")
    lines = [
        {
            "line_type": STANDARD,
            "product_id": find_one(entry, "product", line["sku"], "code")["id"],
            "warehouse_id": warehouse["id"],
            "line_quantity": line["quantity"],
            "to_allocate_quantity": line["quantity"],
        }
        for line in wish["lines"]
    ]
    head = {"customer_id": customer["id"], "analysis_code_1": wish.get("analysis_code_1", "PHONE")}
    body = {**head, "customer_document_no": wish.get("customer_document_no", ""), "lines": lines}
    return enter_order(entry, body)


def revoke_tokens(entry: Entry, wish: Doc) -> Doc:
    """`{"kinds": ["access", "refresh"]}`: somebody withdrew the consent."""
    revoke(entry.change, *wish.get("kinds", ("access", "refresh")))
    return {}


DEEDS: Mapping[str, Deed] = MappingProxyType(
    {
        "lock": lock,
        "unlock": unlock,
        "hold_customer": hold_customer,
        "change_product": change_product,
        "set_price": set_price,
        "change_stock": change_stock,
        "retype": retype,
        "set_status": set_status,
        "invoice": invoice,
        "delete_order": delete_order,
        "phone_order": phone_order,
        "revoke_tokens": revoke_tokens,
        **AT_A_DESK,
    }
)
