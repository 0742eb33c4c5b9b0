"""Products of each retailer, and the stock that a supplier tells for them (virtualstock.md 6.7)."""

from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request

from app.sandbox.catalogue import trade_price
from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.virtualstock.lists import page
from app.sandbox.virtualstock.place import PRODUCT, naive
from app.sandbox.virtualstock.present import OTHER_HOST
from app.sandbox.virtualstock.refusal import Refused, field
from app.sandbox.virtualstock.retailers import RETAILER, Retailer, retailer_of
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

FIRST_PRODUCT = 5_540_001
PRODUCTS_ROOT = "api/v4"
NAMES = {
    "standard": {
        "sku": "supplier_part_number",
        "stock": "supplier_free_stock",
        "name": "product_name",
        "lead": "lead_time_days",
    },
    "special": {
        "sku": "supplier_part_no",
        "stock": "free_stock",
        "name": "name",
        "lead": "supplier_lead_time",
    },
}
MISSING = Refused(404, {"detail": "Product not found.", "code": "PRODUCT_NOT_FOUND"})
PUBLISHING = "Can't update a product which is in a publishing status."


def seed_products(change: Change, articles: list[Doc], retailers: list[Retailer], account: str) -> None:
    """Every article at every retailer."""
    for retailer in retailers:
        for place, article in enumerate(articles):
            number = change.next_id(PRODUCT, FIRST_PRODUCT)
            change.put(PRODUCT, number, _make(article, retailer, (number, place, account)))


def _make(article: Doc, retailer: Retailer, where: tuple[int, int, str]) -> Doc:
    number, place, account = where
    return {
        "id": number,
        "account": account,
        "retailer": retailer.id,
        "sku": article["sku"],
        "retailer_sku": f"{retailer.id}{place:06d}",
        "stock_number": f"8{retailer.id}{place:05d}",
        "ean": article["ean"],
        "name": f"{article['name']} {article['colour']} {article['size']}",
        "cost": str(trade_price(article)),
        "vat": article["vat"],
        "stock": None,
        "stock_updated_at": "",
        "publishing_until": "",
        "data": {},
    }


def part_number(retailer: Retailer, product: Doc) -> str:
    names = {"retailer_sku": "retailer_sku", "stock_number": "stock_number", "ean": "ean"}
    return str(product[names[retailer.identifier]])


def list_products(world: World, request: Request, account: Doc) -> Doc:
    view = world.store.read()
    wanted = request.query_params.get("part_number")
    retailers = {doc["id"]: retailer_of(view, doc["id"]) for doc in view.seek(RETAILER)}
    found = [
        product
        for product in view.seek(PRODUCT, account=account["username"])
        if wanted is None or part_number(retailers[product["retailer"]], product) == wanted
    ]
    return page(world, request, found, lambda product: show_product(world, product, account), 100)


def show_product(world: World, product: Doc, account: Doc) -> Doc:
    retailer = retailer_of(world.store.read(), product["retailer"])
    names = NAMES[retailer.product_names]
    data: dict[str, Any] = {
        names["sku"]: product["sku"],
        names["name"]: product["name"],
        names["lead"]: "3",
        "barcode": product["ean"],
        "discontinued": "",
        "stock_updated_at": product["stock_updated_at"],
        **product["data"],
    }
    if setting(world, "stock_echo") and product["stock"] is not None:
        data[names["stock"]] = str(product["stock"])
    return {
        "url": f"{OTHER_HOST}/{PRODUCTS_ROOT}/products/{product['id']}/?format=json",
        "part_number": part_number(retailer, product),
        "category": f"{OTHER_HOST}/{PRODUCTS_ROOT}/categories/5544/",
        "client": f"{OTHER_HOST}/{PRODUCTS_ROOT}/clients/{retailer.id}/?format=json",
        "supplier": f"{OTHER_HOST}/{PRODUCTS_ROOT}/suppliers/{account['products_id']}/?format=json",
        "data": data,
        "back_in_stock_date": product["data"].get("back_in_stock_date"),
    }


def find_product(world: World, number: str, account: Doc) -> Doc:
    """Raises Refused."""
    product = world.store.read().get(PRODUCT, number)
    if product is None or product["account"] != account["username"]:
        raise MISSING
    return product


def change_stock(world: World, change: Change, product: Doc, body: Any) -> Doc:
    """`{"supplier_free_stock": n}`, whatever the retailer calls it. Raises Refused."""
    _check_unlocked(world, product)
    if not isinstance(body, dict) or body.get("supplier_free_stock") is None:
        raise field("supplier_free_stock", "This field is required.")
    amount = body["supplier_free_stock"]
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise field("supplier_free_stock", "A valid integer is required.")
    if amount < 0:
        raise field("supplier_free_stock", "Ensure this value is greater than or equal to 0.")
    return _save(world, change, {**product, "stock": amount})


def change_product(world: World, change: Change, product: Doc, body: Any) -> Doc:
    """`{"data": {...}}`; values come back as text. Raises Refused."""
    _check_unlocked(world, product)
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict) or not data:
        raise field("data", "This field is required.")
    told = {name: "" if value is None else str(value) for name, value in data.items()}
    stock = told.pop("supplier_free_stock", None)
    if stock is not None and not stock.isdigit():
        raise field("supplier_free_stock", "A valid integer is required.")
    kept = product["stock"] if stock is None else int(stock)
    return _save(world, change, {**product, "stock": kept, "data": {**product["data"], **told}})


def publish(world: World, change: Change, product: Doc) -> Doc:
    """It goes to the retailer's site, and may not be changed meanwhile."""
    until = world.clock.now() + timedelta(seconds=setting(world, "publishing_seconds"))
    product = {**product, "publishing_until": until.isoformat()}
    change.put(PRODUCT, product["id"], product)
    return product


def _check_unlocked(world: World, product: Doc) -> None:
    until = product["publishing_until"]
    if until and datetime.fromisoformat(until) > world.clock.now():
        raise Refused(409, {"detail": PUBLISHING})


def _save(world: World, change: Change, product: Doc) -> Doc:
    product["stock_updated_at"] = naive(world.clock.now())
    change.put(PRODUCT, product["id"], product)
    return product
