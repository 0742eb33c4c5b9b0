"""The API as shipped, but what it accepts is stored nowhere: the most that its route, parsing and log allow."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

from app.cli.start import start
from app.domain.message import Draft
from app.main import Running, Server, build, configuration, listen, open_state
from app.outbox.append import Appended
from app.settings import Settings


def forget(running: Running) -> Running:
    numbers = itertools.count(1)

    async def store(drafts: Sequence[Draft]) -> list[Appended]:
        return [Appended(next(numbers)) for _ in drafts]

    state = running.state
    return replace(running, state=replace(state, intake=replace(state.intake, store=store)))


async def serve(settings: Settings) -> None:
    async with open_state(settings) as opened:
        running = forget(opened)
        listener = listen(settings.http_host, settings.http_port)
        await Server(configuration(build(running.state)), running.draining).serve(sockets=[listener])


if __name__ == "__main__":
    start("api", serve)
