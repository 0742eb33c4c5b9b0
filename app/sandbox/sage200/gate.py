"""What stands before every resource: the tunnel, the token, the company, the load the server bears (sage200.md 2-5)."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.stamps import stamp_now
from app.sandbox.sage200.switches import setting
from app.sandbox.sage200.tokens import find_token
from app.sandbox.world import World


def admit(world: World, request: Request, resource: str) -> None:
    """Raises Refused: 504 tunnel, 401 with an empty body, 403, 400 for an over-long query."""
    if setting(world, "tunnel") == "down" and not (
        resource == "sites" and setting(world, "sites_when_down") == "empty"
    ):
        raise Refused(504)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    view = world.store.read()
    if scheme.lower() != "bearer" or find_token(view, token, "access", stamp_now(world)) is None:
        raise Refused(401)
    if resource != "sites" and not names_company(world, request):
        raise Refused(401)
    if resource in setting(world, "forbidden"):
        raise Refused(403, "You do not have access to this feature.")
    longest = setting(world, "max_query_length")
    if longest and len(request.scope["query_string"]) > longest:
        raise invalid("The query is too long.")


def names_company(world: World, request: Request) -> bool:
    site, company = request.headers.get("x-site", ""), request.headers.get("x-company", "")
    sites = world.store.read().find("sage200.site", site_id=site)
    return any(str(one["company_id"]) == company for one in sites)


class Queue:
    """Calls above the ceiling wait their turn, as on a customer's own server."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._serving = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        ceiling = setting(self._world, "concurrency_ceiling")
        while ceiling and self._serving >= ceiling:
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        self._serving += 1
        try:
            await self._serve()
            yield
        finally:
            self._serving -= 1
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(None)
                    break

    async def _serve(self) -> None:
        latency = setting(self._world, "latency_seconds")
        if isinstance(latency, list):
            latency = self._world.rng.uniform(*latency)
        if latency:
            await self._world.clock.sleep(latency)
