"""Retailers, and others of the supplier's own house, under `/_sandbox/people/virtualstock`."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.control import bind
from app.sandbox.mirror import Doc, View
from app.sandbox.store import Call
from app.sandbox.virtualstock import files, login, products
from app.sandbox.virtualstock.deeds import DEEDS
from app.sandbox.virtualstock.place import ORDER, PRODUCT, naive, place_order
from app.sandbox.virtualstock.push import HOOK, Pusher, check_hook
from app.sandbox.virtualstock.retailers import CARRIER, RETAILER
from app.sandbox.virtualstock.throttle import Throttle
from app.sandbox.world import World

ROOT = "/_sandbox/people/virtualstock"


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
            ("POST", "/collect/{username}", self.collect),
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
            order["changed_at"] = naive(world.clock.now())
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

    async def collect(self, world: World, request: Request) -> Response:
        """The supplier's SFTP job runs: what lies ready in the account's `outgoing` folder is taken. Answers what became of
        each file.
        """
        account = _existing(world.store.read(), login.ACCOUNT, request.path_params["username"])
        with world.store.record(self._call(request)) as change:
            taken = files.collect(world, change, account)
        return JSONResponse({"files": taken})

    async def publish(self, world: World, request: Request) -> Response:
        with world.store.record(self._call(request)) as change:
            product = _existing(change, PRODUCT, str(request.path_params["number"]))
            return JSONResponse(products.publish(world, change, product))

    def _call(self, request: Request, key: str = "") -> Call:
        return Call("virtualstock.people", request.method, request.url.path, key=key)


def _existing(change: View, entity: str, id_: str) -> Doc:
    doc = change.get(entity, id_)
    if doc is None:
        raise ValueError(f"no {entity} {id_}")
    return doc
