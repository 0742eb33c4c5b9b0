"""People of the brand under `/_sandbox/people/centra`: shoppers, staff, and somebody else's integration."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.centra import arithmetic, deeds
from app.sandbox.centra.announce import OUTBOUND, PLUGIN
from app.sandbox.centra.desk import Desk
from app.sandbox.centra.place import place_order
from app.sandbox.centra.quota import MEASURES, Quota
from app.sandbox.centra.shop import ORDER, find_store
from app.sandbox.centra.tokens import issue_token
from app.sandbox.control import bind
from app.sandbox.mirror import Doc
from app.sandbox.store import Call, Change
from app.sandbox.world import World

ROOT = "/_sandbox/people/centra"
PLUGIN_DEFAULTS: dict[str, Any] = {
    "secret": None,
    "store": 1,
    "space": "+",
    "batch": 100,
    "timeout_seconds": 5.0,
    "retries": 0,
    "created_action": "insert",
    "triggers": ["order"],
    "active": True,
}
TRIGGERS = frozenset({"order", "shipment", "customer", "account", "return"})


class People:
    """`changed` is called when webhooks may wait; `quota` gives the brand's buckets."""

    def __init__(self, world: World, changed: Callable[[], None], quota: Callable[[], Quota]) -> None:
        self._world = world
        self._changed = changed
        self._quota = quota

    def routes(self) -> list[Route]:
        table = (
            ("POST", "/orders", self.place),
            ("GET", "/orders", self.list_orders),
            ("GET", "/orders/{number:int}", self.show),
            ("POST", "/orders/{number:int}/{act}", self.amend),
            ("POST", "/tokens", self.issue),
            ("POST", "/plugins", self.plug),
            ("PATCH", "/plugins/{id:int}", self.replug),
            ("GET", "/outbound", self.count_outbound),
            ("POST", "/quota", self.burn),
        )
        return [
            Route(ROOT + path, bind(self._world, handler), methods=[method])
            for method, path, handler in table
        ]

    async def place(self, world: World, request: Request) -> Response:
        """Body: see `place.WISHES` and `lines.Basket`. Answers the order with its `figures`."""
        wish = await request.json()
        call = self._call(request)
        with world.store.record(call) as change:
            order = place_order(Desk(world, change, world.clock.now()), wish)
            call.key = str(order["number"])
        self._changed()
        return JSONResponse(describe(order), 201)

    async def list_orders(self, world: World, _: Request) -> Response:
        """All that were ever placed: number, store, status, hold, updated_at."""
        names = ("number", "store", "status", "hold", "updated_at")
        return JSONResponse([{name: one[name] for name in names} for one in world.store.read().seek(ORDER)])

    async def show(self, world: World, request: Request) -> Response:
        order = world.store.read().get(ORDER, request.path_params["number"])
        return (
            JSONResponse({"error": "no such order"}, 404) if order is None else JSONResponse(describe(order))
        )

    async def amend(self, world: World, request: Request) -> Response:
        """`{act}`: edit, cancel, cancel-lines, hold, release, confirm, advance, lock (bodies in `amend`); ship, complete,
        capture, settle, psp, delete-shipment (in `deeds`).
        """
        number, act = request.path_params["number"], request.path_params["act"]
        if act not in deeds.ACTS:
            raise ValueError(f"{act}: one of {', '.join(deeds.ACTS)}")
        wish = await request.json() if await request.body() else {}
        with world.store.record(self._call(request, str(number))) as change:
            order = deeds.perform(Desk(world, change, world.clock.now()), number, act, wish)
        self._changed()
        return JSONResponse(describe(order))

    async def issue(self, world: World, request: Request) -> Response:
        wish = await request.json()
        with world.store.record(self._call(request, wish["integration"])) as change:
            return JSONResponse(issue_token(change, wish, world.clock.now()), 201)

    async def plug(self, world: World, request: Request) -> Response:
        wish = await request.json()
        with world.store.record(self._call(request)) as change:
            plugin = add_plugin(change, wish)
        self._changed()
        return JSONResponse(plugin, 201)

    async def replug(self, world: World, request: Request) -> Response:
        """Changes settings of a plugin; `active: false` switches it off, what waits then waits."""
        wish = await request.json()
        with world.store.record(self._call(request)) as change:
            plugin = change.get(PLUGIN, request.path_params["id"])
            if plugin is None:
                raise ValueError("no such plugin")
            plugin = check_plugin({**plugin, **wish, "id": plugin["id"]})
            change.put(PLUGIN, plugin["id"], plugin)
        self._changed()
        return JSONResponse(plugin)

    async def count_outbound(self, world: World, _: Request) -> Response:
        """How many events still wait for their call."""
        return JSONResponse({"pending": sum(1 for _ in world.store.read().seek(OUTBOUND))})

    async def burn(self, world: World, request: Request) -> Response:
        """A stranger's integration takes from the shared buckets: `{"REQUEST_COUNT": 60}`. Answers the buckets."""
        wish = await request.json()
        unknown = set(wish) - set(MEASURES)
        if unknown:
            raise ValueError(f"one of {', '.join(MEASURES)}")
        now = world.clock.now()
        self._quota().burn({name: int(amount) for name, amount in wish.items()}, now)
        with world.store.record(self._call(request)):
            pass
        return JSONResponse(self._quota().show(now))

    def _call(self, request: Request, key: str = "") -> Call:
        return Call("centra.people", request.method, request.url.path, key=key)


def describe(order: Doc) -> Doc:
    figures = arithmetic.compute_figures(order)
    shown = {
        "line_values": figures.line_values,
        "discounts": figures.discounts,
        "shipping": figures.shipping,
        "handling": figures.handling,
        "tax": figures.tax,
        "grand_total": figures.grand_total,
        "net_total": figures.net_total,
    }
    return {**order, "figures": {name: str(amount) for name, amount in shown.items()}}


def add_plugin(change: Change, wish: dict[str, Any]) -> Doc:
    """`wish`: url, and what shall differ from PLUGIN_DEFAULTS. Raises ValueError."""
    plugin = check_plugin({"id": change.next_id(PLUGIN), **PLUGIN_DEFAULTS, **wish})
    change.put(PLUGIN, plugin["id"], plugin)
    return plugin


def check_plugin(plugin: Doc) -> Doc:
    unknown = set(plugin) - {"id", "url", *PLUGIN_DEFAULTS}
    if unknown or not str(plugin.get("url", "")).startswith(("http://", "https://")):
        raise ValueError(f"a plugin has a url and {', '.join(PLUGIN_DEFAULTS)}")
    find_store(plugin["store"])
    rules = {
        "space": plugin["space"] in {"+", "%20"},
        "triggers": set(plugin["triggers"]) <= TRIGGERS,
        "batch": 1 <= plugin["batch"] <= 100,
        "retries": 0 <= plugin["retries"] <= 3,
        "created_action": plugin["created_action"] in {"insert", "create"},
        "timeout_seconds": plugin["timeout_seconds"] > 0,
    }
    wrong = [name for name, fine in rules.items() if not fine]
    if wrong:
        raise ValueError(f"out of range: {', '.join(wrong)}")
    return plugin
