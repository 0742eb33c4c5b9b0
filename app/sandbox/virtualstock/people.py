"""Retailers, and others of the supplier's own house, under `/_sandbox/people/virtualstock`."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.control import bind
from app.sandbox.mirror import Doc
from app.sandbox.store import Call, Change
from app.sandbox.virtualstock import login, products, returns
from app.sandbox.virtualstock.act import ACTIONS, Deed, act
from app.sandbox.virtualstock.place import ORDER, PRODUCT, place_order, refresh_status
from app.sandbox.virtualstock.push import HOOK, Pusher, check_hook
from app.sandbox.virtualstock.refusal import Refused
from app.sandbox.virtualstock.retailers import CARRIER, RETAILER, retailer_of
from app.sandbox.virtualstock.throttle import Throttle
from app.sandbox.world import World

ROOT = "/_sandbox/people/virtualstock"
CANCELLABLE = frozenset({"ORDER", "ORDER_ACK", "BACKORDER"})
TRACKING_STATUSES = frozenset(
    {"INFORECEIVED", "INTRANSIT", "OUTFORDELIVERY", "FAILEDATTEMPT", "EXCEPTION", "DELIVERED"}
)


class People:
    def __init__(self, world: World, throttle: Throttle, pusher: Pusher) -> None:
        self._world = world
        self._throttle = throttle
        self._pusher = pusher

    def routes(self) -> list[Route]:
        table = (
            ("POST", "/orders", self.place),
            ("GET", "/orders", self.list_orders),
            ("GET", "/orders/{number:int}", self.show),
            ("POST", "/orders/{number:int}/{deed}", self.amend),
            ("POST", "/carriers", self.change_carriers),
            ("POST", "/retailers/{code}", self.change_retailer),
            ("POST", "/hooks", self.hook),
            ("POST", "/quota", self.burn),
            ("POST", "/logins/{username}/{deed}", self.change_login),
            ("POST", "/products/{number:int}/publish", self.publish),
        )
        return [
            Route(ROOT + path, bind(self._world, handler), methods=[method])
            for method, path, handler in table
        ]

    async def place(self, world: World, request: Request) -> Response:
        """Body: `place.WISHES`; or `{"orders": [those]}` for many at once. Answers what was placed."""
        wish = await request.json()
        wishes = wish.get("orders", [wish])
        call = self._call(request)
        with world.store.record(call) as change:
            placed = [place_order(change, one, world.clock.now(), world.rng) for one in wishes]
            call.key = placed[0]["order_reference"]
        for order in placed:
            self._pusher.tell_order(order, "order.created")
        return JSONResponse({"orders": placed} if "orders" in wish else placed[0], 201)

    async def list_orders(self, world: World, _: Request) -> Response:
        return JSONResponse(world.store.read().all(ORDER))

    async def show(self, world: World, request: Request) -> Response:
        order = world.store.read().get(ORDER, request.path_params["number"])
        return JSONResponse(order) if order else JSONResponse({"error": "no such order"}, 404)

    async def amend(self, world: World, request: Request) -> Response:
        """`{deed}`: see DEEDS."""
        deed = DEEDS[request.path_params["deed"]]
        wish = await request.json() if await request.body() else {}
        with world.store.record(self._call(request)) as change:
            order = change.get(ORDER, request.path_params["number"])
            if order is None:
                raise ValueError("no such order")
            request.scope["told"] = deed(world, change, order, wish)
            change.put(ORDER, order["id"], order)
        name = request.path_params["deed"].replace("-", "_")
        if name == "track":
            self._pusher.tell_tracking(order, request.scope["told"])
        elif name != "act":
            self._pusher.tell_order(order, f"order.{name}ed" if name.endswith("request") else f"order.{name}")
        return JSONResponse(order)

    async def change_carriers(self, world: World, request: Request) -> Response:
        """`{"add": [{slug, name}], "remove": [slug], "rename": {old: new}}`; answers the slugs there are."""
        wish = await request.json()
        with world.store.record(self._call(request)) as change:
            for old, new in wish.get("rename", {}).items():
                doc = _existing(change, CARRIER, old)
                change.delete(CARRIER, old)
                change.put(CARRIER, new, {**doc, "slug": new})
            for slug in wish.get("remove", ()):
                _existing(change, CARRIER, slug)
                change.delete(CARRIER, slug)
            for one in wish.get("add", ()):
                number = max((doc["id"] for doc in change.seek(CARRIER)), default=0) + 1
                change.put(CARRIER, one["slug"], {"id": number, "slug": one["slug"], "name": one["name"]})
            slugs = sorted(doc["slug"] for doc in change.seek(CARRIER))
        return JSONResponse({"slugs": slugs})

    async def change_retailer(self, world: World, request: Request) -> Response:
        """Fields of `retailers.Retailer` that shall differ from now on."""
        wish = await request.json()
        with world.store.record(self._call(request)) as change:
            found = change.find(RETAILER, code=request.path_params["code"])
            if not found or set(wish) - set(found[0]):
                raise ValueError("no such retailer, or no such field")
            change.put(RETAILER, found[0]["id"], {**found[0], **wish})
        return JSONResponse({**found[0], **wish})

    async def hook(self, world: World, request: Request) -> Response:
        hook = check_hook(await request.json())
        with world.store.record(self._call(request)) as change:
            change.put(HOOK, change.next_id(HOOK), hook)
        return JSONResponse(hook, 201)

    async def burn(self, world: World, request: Request) -> Response:
        """`{"username", "requests"}`: somebody else's integration of the account asks. Answers what was used this minute."""
        wish = await request.json()
        self._throttle.burn(wish["username"], int(wish["requests"]))
        with world.store.record(self._call(request)):
            pass
        return JSONResponse({"used": self._throttle.used(wish["username"])})

    async def change_login(self, world: World, request: Request) -> Response:
        """`revoke` (`{"kinds"}`), `disable`, `enable`, `password` (`{"password"}`)."""
        username, deed = request.path_params["username"], request.path_params["deed"]
        wish = await request.json() if await request.body() else {}
        with world.store.record(self._call(request), silent=True) as change:
            account = _existing(change, login.ACCOUNT, username)
            if deed == "revoke":
                ended = login.revoke(change, username, tuple(wish.get("kinds", ("access", "refresh"))))
                return JSONResponse({"ended": ended})
            fields = {"disable": {"active": False}, "enable": {"active": True}, "password": wish}
            change.put(login.ACCOUNT, username, {**account, **fields[deed]})
        return JSONResponse({})

    async def publish(self, world: World, request: Request) -> Response:
        with world.store.record(self._call(request)) as change:
            product = _existing(change, PRODUCT, str(request.path_params["number"]))
            return JSONResponse(products.publish(world, change, product))

    def _call(self, request: Request, key: str = "") -> Call:
        return Call("virtualstock.people", request.method, request.url.path, key=key)


def _existing(change: Change, entity: str, id_: str) -> Doc:
    doc = change.get(entity, id_)
    if doc is None:
        raise ValueError(f"no {entity} {id_}")
    return doc


def request_cancel(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """`{"line"?, "quantity"?, "reason"?}`: only from new, processing or backorder; all lines where none is named."""
    lines = [returns.line_of(order, wish)] if "line" in wish else order["lines"]
    open_lines = [line for line in lines if line["status"] in CANCELLABLE]
    if not open_lines:
        raise ValueError("Not allowed to change state of item")
    for line in open_lines:
        left = line["quantity"] - line["dispatched"] - line["cancelled"]
        asked = int(wish.get("quantity", left))
        if not 0 < asked <= left:
            raise ValueError(f"Cancel quantity value {asked} is bigger than allowed for item")
        line.update(cancel_asked=asked, cancel_reason=str(wish.get("reason", "126")), status="CANCEL")
    refresh_status(order)
    return {}


def withdraw_cancel(_: World, __: Change, order: Doc, ___: Doc) -> Doc:
    """A retailer's second thought; in no document, but statuses are open."""
    for line in order["lines"]:
        if line["status"] == "CANCEL":
            line.update(cancel_asked=0, status="ORDER_ACK")
    refresh_status(order)
    return {}


def request_return(world: World, change: Change, order: Doc, wish: Doc) -> Doc:
    return returns.request_return(world, change, order, wish)


def edit(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """Head fields and `shipping_address`, as Virtualstock's own desk may correct them."""
    allowed = {
        "comment",
        "shipping_address",
        "additional_order_reference",
        "delivery_service_code",
        "test_flag",
    }
    if set(wish) - allowed:
        raise ValueError(f"one of {', '.join(sorted(allowed))}")
    address = {**order["shipping_address"], **wish.get("shipping_address", {})}
    order.update({**wish, "shipping_address": address})
    return {}


def set_status(_: World, __: Change, order: Doc, wish: Doc) -> Doc:
    """`{"line"?, "status"}`: any text; the list of statuses is open."""
    for line in [returns.line_of(order, wish)] if "line" in wish else order["lines"]:
        line["status"] = str(wish["status"])
    refresh_status(order)
    return {}


def act_by_hand(world: World, change: Change, order: Doc, wish: Doc) -> Doc:
    """`{"action", "items"}`: somebody of the supplier's uses the portal. Raises ValueError for what it refuses."""
    deed = Deed(world, change, ACTIONS[wish["action"]], order, retailer_of(change, order["retailer"]))
    try:
        stopped = act(deed, wish)
    except Refused as refused:
        raise ValueError(str(refused)) from refused
    if stopped is not None:
        raise ValueError(str(stopped))
    return {}


def track(world: World, _: Change, order: Doc, wish: Doc) -> dict[str, Any]:
    """`{"status", "line"?}`: the carrier's news of what was dispatched; answers the webhook's body."""
    line = returns.line_of(order, wish)
    sent = next((one for one in reversed(line["sent"]) if one["action"] == "dispatch"), None)
    if sent is None or wish["status"] not in TRACKING_STATUSES:
        raise ValueError("nothing was dispatched, or no such status")
    now = world.clock.now()
    zulu = now.strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {
        "channel": "",
        "carrier": sent["carrier"],
        "dispatched_date": f"{sent['supplier_dispatch_date']}T00:00:00+0000",
        "estimated_delivery_date": None,
        "order_number": order["order_reference"],
        "tracking_number": str(sent["tracking_number"]),
        "tracking_url": sent.get("tracking_url"),
        "status": wish["status"],
        "checkpoint_time": zulu,
        "tracking_message": "",
        "items": [
            {
                "line_ref": line["line_reference"],
                "part_number": line["part_number"],
                "quantity": line["quantity"],
            }
        ],
        "ts": int(now.timestamp() * 10_000),
    }


OrderDeed = Callable[[World, Change, Doc, Doc], Doc]
DEEDS: dict[str, OrderDeed] = {
    "cancel-request": request_cancel,
    "cancel-withdraw": withdraw_cancel,
    "return-request": request_return,
    "edit": edit,
    "status": set_status,
    "act": act_by_hand,
    "track": track,
}
