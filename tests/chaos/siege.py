"""A town under load while something harms it; then all is mended, drained and judged."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import httpx

from app.db.session import TROUBLE
from app.demo.errors import DemoError
from app.demo.faults import PROFILES
from app.demo.play import until
from tests.chaos.attack import Arena, Report
from tests.chaos.audit import Ear, audit, drain, figures_of
from tests.chaos.load import arrive
from tests.chaos.town import Town, open_town

OVERHEAD_SECONDS = 60.0
"""Of starting, draining and judging a town."""
LEAST_SECONDS = 8.0
Harm = Callable[[Town, float], Awaitable[Mapping[str, int | float]]]


@dataclass(frozen=True, slots=True)
class Siege:
    """`harm` answers what it did; it is over when it returns. `orders`, `notices`: arrivals a second. `rough`: vendors
    fail and lie now and then. `ill`: what is done may make a connection fare ill, or look so. `kept`: settings, see
    `open_town`.
    """

    name: str
    harm: Harm
    orders: float = 4.0
    notices: float = 10.0
    rough: bool = True
    ill: bool = True
    kept: Sequence[str] = ()

    async def __call__(self, arena: Arena) -> Report:
        seconds = max(LEAST_SECONDS, arena.seconds - OVERHEAD_SECONDS)
        async with open_town(arena.root, arena.seed, kept=self.kept) as town:
            ear = Ear()
            figures = await self.under_load(town, seconds)
            faults = await judge(town, ear, ill=self.ill)
        return Report(self.name, arena.share, {**figures_of(town, ear), **figures}, faults)

    async def under_load(self, town: Town, seconds: float) -> Mapping[str, int | float]:
        if self.rough:
            await town.stage.vendors.break_things(rules())
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(arrive(town.load.order, self.orders, town.chance, over))
            group.create_task(arrive(town.load.notify, self.notices, town.chance, over))
            figures = await self.harm(town, seconds)
            over.set()
        return figures


def rules() -> list[dict[str, object]]:
    """The demo's rough vendors, without drafts, which a person would have to delete."""
    return [rule for rule in PROFILES["rough"].rules() if rule["kind"] != "ghost_draft"]


async def judge(town: Town, ear: Ear, *, ill: bool) -> tuple[str, ...]:
    """Vendors behave, everybody is back; what is not settled then never will be."""
    town.postgres.come_back()
    town.valkey.come_back()
    await until(partial(mended, town), "everybody to be back")
    restless = await drain(town, ear)
    said = [] if restless is None else [restless]
    return (*said, *map(str, await audit(town, ear, ill=ill)))


async def mended(town: Town) -> bool:
    with suppress(httpx.TransportError, DemoError, *TROUBLE):
        await town.stage.vendors.break_things([])
        await town.stage.crew.ready(town.stage.http, *town.stage.crew.names())
        return bool(await town.stage.pool.fetchval("SELECT true"))
    return False
