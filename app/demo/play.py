"""Plays the written day at the sandbox and at Sluice's API."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from app.demo import books, retail
from app.demo.errors import DemoError
from app.demo.sight import Sight
from app.demo.stage import CONNECTIONS, Stage
from app.demo.steps import (
    Amend,
    Close,
    Despatch,
    Kill,
    Map,
    Open,
    Place,
    Quiet,
    Seen,
    Sell,
    Ship,
    Stand,
    Step,
    Tell,
    Tunnel,
)

Doc = dict[str, Any]
LOOK_SECONDS = 0.15
PATIENCE_SECONDS = 60.0
STAND_SECONDS = 240.0
"""At its worst Sage answers little, and each answer that is lost costs a quarantine."""
GHOST = "E-SAGE-DRAFT"


class Player:
    """`cast`: name of the script -> the sandbox's order. `mapped`: what was added on the way, as the report tells it."""

    def __init__(
        self, stage: Stage, sight: Sight, chance: random.Random, tell: Callable[[str], None]
    ) -> None:
        self._stage = stage
        self._sight = sight
        self._chance = chance
        self._tell = tell
        self._connections = {one.store: one.name for one in CONNECTIONS}
        self._prefixes = {one.name: one.prefix for one in CONNECTIONS} | {retail.CONNECTION: retail.PREFIX}
        self.cast: dict[str, Doc] = {}
        self.mapped: list[dict[str, str]] = []
        self._deeds: dict[type[Any], Callable[[Any], Awaitable[object]]] = {
            Place: self._place,
            Sell: self._sell,
            Stand: self._stand,
            Despatch: self._despatch,
            Ship: self._ship,
            Open: self._open,
            Close: self._close,
            Amend: self._amend,
            Map: self._map,
            Quiet: self._quiet,
            Tunnel: self._tunnel,
            Seen: self._seen,
            Kill: self._kill,
        }

    async def play(self, step: Step) -> None:
        if isinstance(step, Tell):
            self._tell(step.text)
        else:
            await self._deeds[type(step)](step)

    async def _place(self, step: Place) -> None:
        self.cast[step.name] = await self._stage.vendors.place(step.wish)
        await asyncio.sleep(self._chance.uniform(0.01, 0.09))

    async def _sell(self, step: Sell) -> None:
        self.cast[step.name] = await self._stage.vendors.sell(step.wish)
        await asyncio.sleep(self._chance.uniform(0.01, 0.05))

    async def _stand(self, step: Stand | Despatch | Ship | Open) -> str:
        """The order's key, once Sage has it."""
        key = self._key(step.name)

        async def is_there() -> bool:
            return key in self._sight.numbers()

        await until(is_there, f"{key} to stand in Sage", STAND_SECONDS)
        return key

    async def _despatch(self, step: Despatch) -> None:
        await self._stage.vendors.sage("despatch", {"order": await self._stand(step), **step.note})

    async def _ship(self, step: Ship) -> None:
        await self._stand(step)
        order = self.cast[step.name]
        self.cast[step.name] = await self._stage.vendors.amend(order["number"], "ship", step.parcel)

    async def _open(self, step: Open) -> None:
        await self._stage.vendors.sage("lock", {"order": await self._stand(step), "user": step.user})

    async def _close(self, step: Close) -> None:
        await asyncio.sleep(step.seconds)
        await self._stage.vendors.sage("unlock", {"order": self._key(step.name), "user": step.user})

    def _key(self, name: str) -> str:
        connection, ref = self._name(self.cast[name])
        return f"{self._prefixes[connection]}-{ref}"

    def _name(self, order: Doc) -> tuple[str, str]:
        """Connection and number, as Sluice calls the order."""
        if "order_reference" in order:
            return retail.CONNECTION, retail.ref_of(order)
        return self._connections[order["store"]], str(order["number"])

    async def _amend(self, step: Amend) -> None:
        """Never in the second of the change before: Centra's stamps cannot tell the two apart."""
        order = self.cast[step.name]
        later = _stamp(order["updated_at"]) + timedelta(seconds=1) - datetime.now(UTC)
        await asyncio.sleep(max(later.total_seconds(), 0))
        self.cast[step.name] = await self._stage.vendors.amend(order["number"], step.act, step.wish)

    async def _map(self, step: Map) -> None:
        connection, ref = self._name(self.cast[step.name])
        found: list[Doc] = []

        async def is_parked() -> bool:
            filters = {"source": connection, "order_ref": ref}
            cases = await self._stage.gateway.open_exceptions(**filters)
            found[:] = [case for case in cases if step.table in case["needs"]]
            return bool(found)

        await until(is_parked, f"{connection}/{ref} to park for want of {step.table}")
        await self._stage.gateway.map(step.table, step.row)
        codes = {violation["code"] for violation in found[0]["violations"] if violation["need"] == step.table}
        told = {
            "table": step.table,
            "code": ", ".join(sorted(codes)),
            "order": f"{connection}/{ref}",
        }
        self.mapped.append(told)
        self._tell(f"  {told['code']}: a row for {step.table} was added over the API")

    async def _quiet(self, step: Quiet) -> None:
        async def is_quiet() -> bool:
            waiting = await self._stage.vendors.waiting_webhooks()
            return not waiting and not (await books.standing(self._stage.pool)).busy

        with suppress(DemoError):
            await until(is_quiet, "quiet", step.seconds)

    async def _tunnel(self, step: Tunnel) -> None:
        await self._stage.vendors.sage("tunnel", {"up": step.up})

    async def _seen(self, step: Seen) -> None:
        for name in step.names:
            order = self.cast[name]
            connection = self._connections[order["store"]]
            newest = _stamp(order["updated_at"]).replace(microsecond=0)

            async def is_seen(
                connection: str = connection, order: Doc = order, newest: datetime = newest
            ) -> bool:
                known = await self._stage.gateway.order(connection, order["number"])
                at = known and known["version_at"]
                return bool(at) and _stamp(str(at)) >= newest

            await until(is_seen, f"Sluice to read {connection}/{order['number']} anew")

    async def _kill(self, step: Kill) -> None:
        async def is_busy() -> bool:
            return await books.leased(self._stage.pool) > 0

        if step.process != "api":
            with suppress(DemoError):
                await until(is_busy, "something in hand", 3.0, look=0.01)
        self._stage.crew.kill(step.process)
        self._tell(f"  {step.process} was killed (SIGKILL)")

    async def mind_drafts(self) -> None:
        """For ever: the person who deletes what Sage left unfinished, and lets Sluice try again."""
        while True:
            for case in await self._stage.gateway.open_exceptions(code=GHOST):
                await self._mend(f"{self._prefixes[case['source']]}-{case['order_ref']}", case["id"])
            await asyncio.sleep(0.5)

    async def _mend(self, key: str, case_id: int) -> None:
        drafts = self._sight.drafts(key)
        for draft in drafts:
            await self._stage.vendors.sage("delete_order", {"order": draft})
            self._sight.documents.pop(draft)
        if drafts:
            await self._stage.gateway.retry(case_id)
            self._tell(f"  {key}: its ## draft was deleted in Sage, and the exception retried")


async def until(
    holds: Callable[[], Awaitable[bool]],
    what: str,
    seconds: float = PATIENCE_SECONDS,
    look: float = LOOK_SECONDS,
) -> None:
    """Raises DemoError when it did not come true in time."""
    clock = asyncio.get_running_loop().time
    end = clock() + seconds
    while not await holds():
        if clock() > end:
            raise DemoError(
                f"Waited {seconds:.0f} s for {what}, in vain. The logs in .sluice/demo/logs tell more."
            )
        await asyncio.sleep(look)


def _stamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
