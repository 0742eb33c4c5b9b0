"""Last night's backup: dump, run on, restore the dump into a fresh database by the runbook, start. One document for each
order all the same, and no word lost.
"""

import random
import secrets
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import asyncpg

from app.db.session import open_pool
from tests.chaos.attack import Arena, Attack, Report
from tests.chaos.attacks.crashes import Field, left_over, open_field, open_one
from tests.chaos.premises import PACE, NeverError, Premises, until
from tests.chaos.runbook import RESTORE, follow, read
from tests.chaos.scenes import ONE_CREATE

ORDERS = 120
ROLES = ("api", "worker")


@dataclass
class Drill:
    """`size`: orders before the dump, about its moment, and after it. `before`: documents when the gateway ended.
    `by_hand`: numbers of orders that a person must look up.
    """

    premises: Premises
    size: int
    chance: random.Random
    folder: Path
    steps: Mapping[str, list[str]] = field(default_factory=lambda: read(RESTORE))
    before: dict[str, int] = field(default_factory=dict)
    by_hand: frozenset[str] = frozenset()
    ended: float = 0.0
    started: str = ""
    caught_up: float = 0.0

    @property
    def env(self) -> dict[str, str]:
        name = f"{self.folder.name}_restored"
        given = self.premises.envs["worker"] | {"SLUICE_DATABASE_URL": self.premises.database}
        return {**given, "BACKUP": str(self.folder / "sluice.dump"), "RESTORED": name}

    async def follow(self, step: str, **more: str) -> str:
        return await follow(self.steps[step], {**self.env, **more})

    async def ordinary_day(self) -> None:
        """A dump in the middle of the work, with a question open; then much happens that it does not know of."""
        premises = self.premises
        await premises.open()
        await premises.place(self.size, self.chance)
        await premises.settled()
        await premises.faults({**ONE_CREATE, "kind": "commit_then_drop"})
        await premises.place(self.size, self.chance)
        await self.follow("Back up")
        await premises.person(
            "sage200/revoke_tokens", kinds=["access"]
        )  # the refresh token changes with the next call
        orders = await premises.place(self.size, self.chance)
        await premises.settled()
        edited, cancelled = orders[0], orders[1]
        await premises.person(
            f"centra/orders/{edited['number']}/edit", add=[{"sku": premises.skus[5], "quantity": 1}]
        )
        await premises.person(f"centra/orders/{cancelled['number']}/cancel")
        self.by_hand = frozenset({str(cancelled["number"])})

        async def told() -> bool:
            written = "SELECT count(*) FROM receipt WHERE kind ~ 'sales_order.c' AND result = 'applied'"
            return await premises.pool.fetchval(written) == 2

        await until(told, "both are in the books")

    async def disaster(self) -> None:
        """While one order is on its way: Sage makes its document when nobody listens any more."""
        premises = self.premises
        await premises.faults({**ONE_CREATE, "kind": "drop_then_commit", "seconds": 1.0})
        await premises.place(1, self.chance)

        async def asked() -> bool:
            counts = (await premises.vendors.get("/_sandbox/faults")).json()["counts"]
            return counts.get("drop_then_commit", 0) > 0

        await until(asked, "the last send")
        await premises.kill(*ROLES)
        self.ended = monotonic()
        self.before = {one["customer_document_no"]: one["id"] for one in premises.documents()}

    async def recovery(self, stack: AsyncExitStack) -> None:
        """Steps 2 to 5."""
        premises = self.premises
        await until(self._quarantine_over, "the quarantine is over")
        await self.follow("3. Fill a fresh database")
        await self.follow("4. Point Sluice at it and look")
        restored = self.env["RESTORED"]
        premises.pool = await stack.enter_async_context(
            open_pool(f"{premises.database.rpartition('/')[0]}/{restored}", size=3)
        )
        for env in premises.envs.values():
            env["SLUICE_DATABASE_URL"] = f"{env['SLUICE_DATABASE_URL'].rpartition('/')[0]}/{restored}"
        premises.database = f"{premises.database.rpartition('/')[0]}/{restored}"
        self.started, began = str(await premises.pool.fetchval("SELECT now()")), monotonic()
        await premises.start(*ROLES)
        await until(self._bound, "every order is bound or parked")
        self.caught_up = monotonic() - began
        await premises.settled()

    async def _quarantine_over(self) -> bool:
        return monotonic() > self.ended + float(PACE["QUARANTINE_SECONDS"])

    async def _bound(self) -> bool:
        known = await self.premises.pool.fetchval(
            "SELECT (SELECT count(*) FROM binding) + (SELECT count(*) FROM exception_case WHERE closed_at IS NULL)"
        )
        return known >= len(self.premises.asked) - len(self.by_hand)

    async def codes(self) -> list[str]:
        rows = await self.premises.pool.fetch(
            """
            SELECT v ->> 'code' AS code FROM exception_case AS e, jsonb_array_elements(e.violations) AS v
            WHERE closed_at IS NULL ORDER BY 1
            """
        )
        return [row["code"] for row in rows]

    async def audit(self) -> list[str]:
        premises, wrong = self.premises, []
        made = Counter(one["customer_document_no"] for one in premises.documents())
        wrong += [f"{key} {count} times" for key, count in made.items() if count != 1]
        wrong += [f"{key} is lost" for key in premises.asked.keys() - made.keys()]
        now = {one["customer_document_no"]: one["id"] for one in premises.documents()}
        wrong += [f"{key} is another document" for key, number in self.before.items() if now[key] != number]
        if codes := await self.codes():
            wrong.append(f"open cases: {codes}")
        wrong += [
            told
            for told in await left_over(premises.pool)
            if told.split()[1] in {"unaccounted", "conflicting"}
        ]
        return [*wrong, *await self._followed()]

    async def _followed(self) -> list[str]:
        """The checks of the runbook say what they should."""
        wrong = []
        swept = await self.follow("6. See that it has caught up")
        if not swept.endswith("\n0|0"):
            wrong.append(f"step 6: {swept}")
        listed = await self.follow("7. Look up in Sage what was cancelled meanwhile", STARTED=self.started)
        if {line.partition("|")[2] for line in listed.splitlines()} != self.by_hand:
            wrong.append(f"step 7 lists {listed!r} instead of {sorted(self.by_hand)}")
        return wrong


async def play(place: Field, size: int, seed: int) -> tuple[list[str], dict[str, int | float]]:
    name = f"restore_{secrets.token_hex(4)}"
    async with open_one(place, name) as premises, AsyncExitStack() as stack:
        drill = Drill(premises, size, random.Random(f"restore {seed}"), place.root / name)
        stack.push_async_callback(_drop, place.server, drill.env["RESTORED"])
        try:
            await drill.ordinary_day()
            await drill.disaster()
            await drill.recovery(stack)
            faults = await drill.audit()
        except NeverError as error:
            faults = [str(error)]
        return faults, {
            "orders": len(premises.asked),
            "documents": len(premises.documents()),
            "adopted": await premises.pool.fetchval("SELECT count(*) FROM binding WHERE adopted"),
            "seconds to catch up": round(drill.caught_up, 1),
        }


async def _drop(server: str, name: str) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    await admin.close()


async def attack(arena: Arena) -> Report:
    size = max(3, round(ORDERS * arena.share / 3))
    async with open_field(arena.root) as place:
        faults, figures = await play(place, size, arena.seed)
    return Report("restore", min(1.0, 3 * size / ORDERS), figures, tuple(faults))


RESTORES = Attack("restore", attack, minutes=1.0)
