"""The sandbox's own controls under `/_sandbox`: nothing here imitates a vendor."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.sandbox.catalogue import generate
from app.sandbox.store import Call
from app.sandbox.world import World

CLOCK = "sandbox.clock"
Handler = Callable[[World, Request], Awaitable[Response]]


def routes(world: World) -> list[Route]:
    table: list[tuple[str, str, Handler]] = [
        ("GET", "health", health),
        ("GET", "clock", show_clock),
        ("POST", "clock", set_clock),
        ("GET", "faults", show_faults),
        ("POST", "faults", set_faults),
        ("GET", "switches", show_switches),
        ("POST", "switches", set_switches),
        ("DELETE", "switches", reset_switches),
        ("POST", "seed", seed),
        ("GET", "history", history),
    ]
    return [
        Route(f"/_sandbox/{name}", bind(world, handler), methods=[method]) for method, name, handler in table
    ]


def bind(world: World, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            return await handler(world, request)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    return answer


async def health(world: World, _: Request) -> Response:
    return JSONResponse({"ok": True, "at": world.clock.now().isoformat()})


async def show_clock(world: World, _: Request) -> Response:
    return JSONResponse({"at": world.clock.now().isoformat(), "scale": world.clock.scale})


async def set_clock(world: World, request: Request) -> Response:
    """`{"at"?, "scale"?, "advance_seconds"?}`"""
    wish = await request.json()
    at = datetime.fromisoformat(wish["at"]) if "at" in wish else None
    if at is not None and at.tzinfo is None:
        raise ValueError("at needs a time zone")
    scale = wish.get("scale")
    if scale is not None and scale <= 0:
        raise ValueError("scale must be above 0")
    world.clock.set(at=at, scale=scale)
    world.clock.advance(wish.get("advance_seconds", 0))
    world.store.save(CLOCK, "clock", dict(world.clock.state()))
    return await show_clock(world, request)


async def show_faults(world: World, _: Request) -> Response:
    return JSONResponse({"rules": world.faults.rules(), "counts": dict(world.faults.counts)})


async def set_faults(world: World, request: Request) -> Response:
    """A list of rules (see `faults.Rule`); it replaces the rules there are. Counts go on."""
    rules = await request.json()
    if not isinstance(rules, list):
        raise TypeError("a list of rules is needed")
    world.faults.set(rules)
    return await show_faults(world, request)


async def show_switches(world: World, _: Request) -> Response:
    return JSONResponse(world.switches.everything())


async def set_switches(world: World, request: Request) -> Response:
    """`{name: value}`; an unknown name or a value that means nothing refuses the whole request."""
    wish = await request.json()
    unknown = [name for name in wish if name not in world.switches.everything()]
    if unknown:
        raise ValueError(f"no such switch: {', '.join(unknown)}")
    for name, value in wish.items():
        world.switches.check(name, value)
    for name, value in wish.items():
        world.switches.set(name, value)
    return await show_switches(world, request)


async def reset_switches(world: World, request: Request) -> Response:
    world.switches.reset()
    return await show_switches(world, request)


async def seed(world: World, request: Request) -> Response:
    """`{"catalogue": {skus, seed, stock}, "<vendor>": {...}}`, all optional; seeds each vendor from one catalogue.
    Answers `{"catalogue": [articles], "<vendor>": what it made}`.
    """
    spec = await request.json() if await request.body() else {}
    catalogue = generate(spec.get("catalogue", {}))
    made: dict[str, object] = {"catalogue": catalogue}
    with world.store.record(Call("sandbox", "POST", "/_sandbox/seed"), silent=True) as change:
        for vendor, seeder in world.seeders.items():
            made[vendor] = seeder(change, {**spec.get(vendor, {}), "catalogue": catalogue})
    return JSONResponse(made)


async def history(world: World, request: Request) -> Response:
    query = request.query_params
    return JSONResponse(world.store.history(int(query.get("since", 0)), int(query.get("limit", 10_000))))
