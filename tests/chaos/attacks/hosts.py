"""Two worker hosts and an API host; each is cut off so that nothing is reset, for longer than a lease, and healed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from app.demo import books
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.audit import Ear, figures_of
from tests.chaos.district import District, open_district
from tests.chaos.lan import NotAllowedError
from tests.chaos.load import pause
from tests.chaos.siege import Siege, judge
from tests.chaos.town import Town

CUT_SECONDS = 16.0
"""Longer than a lease of the town (10 s) and a transaction may idle (10 s)."""
HELD_SECONDS = 14.0
"""How long a transaction that nobody answers for may hold its locks: 10 s, and some for the machine."""
BACK_SECONDS = 60.0
"""Within which a host that is healed must be at work again."""
DEAD_SECONDS = 60.0
"""Within which Postgres must have noticed that a host is gone for good: a statement may take 30 s, its answer is given up
10 s later, and after a cut before that one the machine asks again only seconds later.
"""
FULL_DEEDS = 16


@dataclass
class Watch:
    """What was seen while hosts were cut off. `held`: the longest that a transaction waited for its client, be it between
    two steps of a statement, in seconds. `silent`: the
    longest that nothing came to stand in Sage.
    """

    district: District
    held: float = 0.0
    silent: float = 0.0
    faults: list[str] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    @property
    def town(self) -> Town:
        return self.district.town

    async def look(self, seconds: float) -> None:
        """Meanwhile, whatever is cut, no lock is held for long and orders go on reaching Sage."""
        clock = asyncio.get_running_loop().time
        until, told, count = clock() + seconds, clock(), await self._settled()
        while clock() < until:
            idle = await self.town.stage.pool.fetchval(
                """
                SELECT coalesce(max(extract(epoch FROM clock_timestamp() - state_change)), 0)::float FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND datname = current_database() AND xact_start IS NOT NULL
                    AND wait_event = 'ClientRead'
                """
            )
            self.held = max(self.held, idle)
            now = await self._settled()
            told = clock() if now > count else told
            count, self.silent = now, max(self.silent, clock() - told)
            await pause(0.5)

    async def _settled(self) -> int:
        return int(
            await self.town.stage.pool.fetchval(
                "SELECT count(*) FROM receipt WHERE kind LIKE 'sage200.sales_order.%'"
            )
        )

    async def back(self, what: str, true: Callable[[], Awaitable[bool]]) -> None:
        """Measures how long it takes until it is true again."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while not await true():
            if clock() - began > BACK_SECONDS:
                self.faults.append(f"{what} was not at work {BACK_SECONDS:.0f} s after it was healed")
                break
            await pause(0.3)
        name = f"back_{what}"
        self.figures[name] = max(self.figures.get(name, 0.0), round(clock() - began, 1))

    async def sessions(self, host: str) -> int:
        address = self.district.lan.hosts[host].address
        return int(
            await self.town.stage.pool.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE client_addr = $1::text::inet", address
            )
        )

    async def takes(self, host: str) -> Callable[[], Awaitable[bool]]:
        """Whether this host has begun anything in Postgres since now."""
        since = await self.town.stage.pool.fetchval("SELECT clock_timestamp()")
        address = self.district.lan.hosts[host].address

        async def true() -> bool:
            return bool(
                await self.town.stage.pool.fetchval(
                    """
                    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE client_addr = $1::text::inet AND query_start > $2)
                    """,
                    address,
                    since,
                )
            )

        return true


async def cut_worker(watch: Watch) -> None:
    """The cable of one worker; the other goes on alone."""
    await watch.district.lan.cut("worker-1")
    await watch.look(CUT_SECONDS)
    await watch.district.lan.heal("worker-1")
    await watch.back("worker-1", await watch.takes("worker-1"))


async def cut_from_books(watch: Watch) -> None:
    """A worker that reaches neither Postgres nor the vendors, though they reach it."""
    lan = watch.district.lan
    await lan.lose("worker-2", lan.address)
    await watch.look(CUT_SECONDS)
    await lan.find("worker-2", lan.address)
    await watch.back("worker-2", await watch.takes("worker-2"))


async def cut_api(watch: Watch) -> None:
    await watch.district.lan.cut("api")
    await watch.look(CUT_SECONDS / 2)
    await watch.district.lan.heal("api")
    before = watch.town.load.answers[202]

    async def answers() -> bool:
        return watch.town.load.answers[202] > before

    await watch.back("api", answers)


async def bury_worker(watch: Watch) -> None:
    """A host that loses its power: nobody says goodbye, and what it held at Postgres must not be kept for it."""
    await watch.district.lan.cut("worker-1")
    watch.town.kill("worker-1")
    clock = asyncio.get_running_loop().time
    began = clock()
    while left := await watch.sessions("worker-1"):
        if clock() - began > DEAD_SECONDS:
            watch.faults.append(f"Postgres keeps {left} sessions of a host that is gone {DEAD_SECONDS:.0f} s")
            break
        await watch.look(1.0)
    watch.figures["noticed"] = round(clock() - began, 1)
    await watch.district.lan.heal("worker-1")
    await watch.back("worker-1", await watch.takes("worker-1"))


DEEDS = (cut_worker, bury_worker, cut_api, cut_from_books)


async def attack(arena: Arena) -> Report:
    count = arena.scaled(FULL_DEEDS)
    first = arena.seed % len(DEEDS)
    deeds = [DEEDS[(first + place) % len(DEEDS)] for place in range(count)]
    try:
        async with open_district(arena.root, arena.seed) as district:
            watch, ear = Watch(district), Ear()

            async def harm(town: Town, _seconds: float) -> Mapping[str, int | float]:
                await pause(3.0)
                for deed in deeds:
                    await deed(watch)
                return {"cuts": count, "held": round(watch.held, 1), "silent": round(watch.silent, 1)}

            seen = await Siege("hosts", harm).under_load(district.town, 0.0)
            wrong = [*watch.faults, *await judge(district.town, ear, ill=True)]
            if watch.held > HELD_SECONDS:
                wrong.append(f"a transaction waited for its client for {watch.held:.0f} s")
            figures = {**figures_of(district.town, ear), **seen, **watch.figures}
            in_doubt = (await books.standing(district.town.stage.pool)).in_doubt
            wrong += [f"{in_doubt} in doubt"] * bool(in_doubt)
    except NotAllowedError as error:
        return Report("hosts", 0.0, skipped=str(error))
    return Report("hosts", min(1.0, count / FULL_DEEDS), figures, tuple(wrong))


ATTACK = Attack("hosts", attack, minutes=8.0)
