"""`python -m tests.chaos.skewed api|worker FILE`: the ordinary process with one difference: its clock is ahead of the real
one by the seconds that stand in FILE, whenever it is asked.
"""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from app import main as api
from app.cli.start import start
from app.flows.signal import Signal
from app.flows.work import work
from app.settings import Settings
from workers import main as worker

Clock = Callable[[], datetime]


def skew(clock: Clock, file: Path) -> Clock:
    return lambda: clock() + timedelta(seconds=float(file.read_text()))


async def serve_api(file: Path, settings: Settings) -> None:
    async with api.open_state(settings) as running:
        now = skew(running.state.now, file)
        state = replace(running.state, now=now, intake=replace(running.state.intake, now=now))
        listener = api.listen(settings.http_host, settings.http_port)
        server = api.Server(api.configuration(api.build(state)), running.draining)
        await server.serve(sockets=[listener])


async def serve_worker(file: Path, settings: Settings) -> None:
    signal = Signal()
    async with worker.open_context(settings) as ctx, asyncio.TaskGroup() as group:
        group.create_task(worker.listen(settings.redis_url.get_secret_value(), signal))
        group.create_task(worker._keep_time(ctx))
        await work(replace(ctx, now=skew(ctx.now, file)), signal)


if __name__ == "__main__":
    role, clock = sys.argv[1], Path(sys.argv[2])
    start(role, partial({"api": serve_api, "worker": serve_worker}[role], clock))
