"""The one process that plays every vendor."""

import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.sandbox import centra, control, sage200, virtualstock
from app.sandbox.clock import Clock
from app.sandbox.disturb import TRANSPORT, Disturb
from app.sandbox.faults import Faults
from app.sandbox.store import Store
from app.sandbox.world import Switches, World

VENDORS = (sage200.mount, centra.mount, virtualstock.mount)


class OpenHandedProtocol(HttpToolsProtocol):
    """Hands the application its connection, so that a fault can close it without an answer."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        cast("dict[str, Any]", self.scope)[TRANSPORT] = self.transport


def build(data_dir: Path, *, seed: int = 0, clock: Clock | None = None) -> Starlette:
    """`app.state.world` is the world it runs in."""
    world = create_world(data_dir, seed, clock or Clock())
    routes: list[BaseRoute] = [*control.routes(world)]
    for mount in VENDORS:
        routes += mount(world)

    @asynccontextmanager
    async def run(_: Starlette) -> AsyncIterator[None]:
        yield
        await world.tasks.stop()
        world.store.close()

    app = Starlette(routes=routes, middleware=[Middleware(Disturb, world=world)], lifespan=run)
    app.state.world = world
    return app


def create_world(data_dir: Path, seed: int, clock: Clock) -> World:
    store = Store(data_dir / "sandbox.sqlite3", clock)
    state = store.read().get(control.CLOCK, "clock")
    if state is not None:
        clock.restore(state)
    world = World(store, clock, Faults(seed, store), Switches(store), random.Random(seed))
    world.switches.declare({"server_timeout_seconds": 180})
    return world


def open_server(app: Starlette, **config: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(app, http=OpenHandedProtocol, log_level="warning", access_log=False, **config)
    )


async def serve(
    host: str, port: int, data_dir: Path, seed: int = 0, *, sockets: Sequence[socket.socket] | None = None
) -> None:
    """Until SIGINT or SIGTERM. With `sockets` (bound already) host and port are not used."""
    server = open_server(build(data_dir, seed=seed), host=host, port=port)
    await server.serve(None if sockets is None else list(sockets))
