"""Drains a town and judges it: what the sandbox's history tells, and what the outbox holds, against each other."""

import asyncio
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from app.db.session import TROUBLE
from app.demo import books
from app.demo.errors import DemoError
from app.demo.sight import DOCUMENT, ORDER, SWEEP, Sight, asked, entered
from app.demo.stage import CONNECTIONS
from app.demo.verdict import Asked, Span
from app.sandbox.centra.announce import show_outbound
from tests.chaos.checker import examine
from tests.chaos.history import Delivery, Fault, History
from tests.chaos.load import key_of, pause
from tests.chaos.recorder import read_outbox
from tests.chaos.town import Town

Doc = dict[str, Any]
LOOK_SECONDS = 0.3
CALM_SECONDS = 3.0
"""More than two polls and one sweep."""
STILL_SECONDS = 60.0
"""Longer than a lease, a quarantine and a breaker's rest together."""
PREFIXES = {one.name: one.prefix for one in CONNECTIONS}
STORES = {one.store: one for one in CONNECTIONS}
GRACE = timedelta(seconds=1)
"""From the signal to the end of a process that is killed."""
REPAIRED = "lanes.repaired"
"""What no log may hold, whatever was killed."""


class Doubting(Sight):
    """A page of the sweep is no acceptance here: whoever read it may have been killed before it was stored."""

    def _see_answer(self, row: Doc, doc: Doc) -> None:
        super()._see_answer(row, doc)
        for order in doc["orders"] if row["key"] == SWEEP else ():
            tellings = self.notices[order["number"]]
            if tellings and tellings[-1].began == doc["started_at"]:
                tellings[-1] = replace(tellings[-1], sure=False)


@dataclass
class Ear:
    """The sandbox's history, read on from where it was. `began`: when orders were placed and documents made, by name."""

    sight: Sight = field(default_factory=Doubting)
    began: dict[str, datetime] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Europe/Stockholm"))

    async def catch_up(self, town: Town) -> None:
        while rows := await town.stage.vendors.history(self.sight.seq):
            self.sight.add(rows)
            for row in rows:
                self.deliveries.extend(self._hear(row))

    def waits(self, numbers: Sequence[int]) -> list[float]:
        """Seconds from checkout to document, of those that have one."""
        names = ((f"{ORDER}/{n}", f"{DOCUMENT}/{one.prefix}-{n}") for n in numbers for one in CONNECTIONS)
        pairs = [(self.began[a], self.began[b]) for a, b in names if a in self.began and b in self.began]
        return [(made - placed).total_seconds() for placed, made in pairs]

    def _hear(self, row: Doc) -> Iterator[Delivery]:
        for change in row["changed"]:
            after = change["after"]
            if after is not None and change["before"] is None and change["entity"] in {ORDER, DOCUMENT}:
                name = after["customer_document_no"] if change["entity"] == DOCUMENT else after["number"]
                self.began.setdefault(f"{change['entity']}/{name}", datetime.fromisoformat(row["at"]))
            if change["entity"] == "centra.delivery" and after is not None:
                yield from self._called(after)
            elif change["entity"] == "centra.event" and after is None and row["status"] == 200:
                name = STORES[change["before"]["store"]].name
                yield Delivery(f"centra/{name}/event/{change['before']['id']}", sure=True)

    def _called(self, call: Doc) -> Iterator[Delivery]:
        connection = STORES[call["store"]]
        for event in call["events"]:
            shown = show_outbound({**event, "type": "order", "id": event["number"]}, self.zone)
            yield Delivery(key_of(shown, connection), sure=call["status"] == 202)


async def drain(town: Town, ear: Ear) -> str | None:
    """Until everything is in Sage and nothing is open for a while; what is left when nothing moves any more before."""
    clock = asyncio.get_running_loop().time
    prefixes = {one.store: one.prefix for one in CONNECTIONS}
    moved = open_at = clock()
    before: object = None
    while clock() - moved < STILL_SECONDS:
        try:
            await ear.catch_up(town)
            standing = await books.standing(town.stage.pool)
            waiting = await town.stage.vendors.waiting_webhooks()
        except (*TROUBLE, httpx.TransportError, DemoError):
            await pause(LOOK_SECONDS)
            continue
        now = (ear.sight.unplaced(prefixes), waiting, standing)
        if now != before:
            moved, before = clock(), now
        if standing.busy or waiting or now[0] > standing.parked:
            open_at = clock()
        elif clock() - open_at > CALM_SECONDS:
            return None
        await pause(LOOK_SECONDS)
    return f"it did not come to rest: (orders that are not in Sage, webhooks that wait, messages) = {before}"


async def audit(town: Town, ear: Ear, *, ill: bool) -> tuple[Fault | str, ...]:
    """What is wrong. `ill`: see History."""
    ids: dict[str, int] = town.stage.seeded["sage200"]["ids"]["currency"]
    sight = ear.sight
    for number, telling in town.load.tellings:
        insort(sight.notices[number], telling, key=lambda one: one.began)
    town.load.tellings.clear()
    orders = [await _shown(town, number) for number in sight.orders]
    history = History(
        await read_outbox(town.stage.pool, PREFIXES),
        asked=orders,
        entered=entered(sight.documents, sight.created, {number: code for code, number in ids.items()}),
        deliveries=[*ear.deliveries, *town.load.deliveries],
        spans=dict(_spans(ear, orders, town.dark)),
        ill=ill,
        complete=tuple(f"centra/{name}/webhook/" for name in PREFIXES),
    )
    unaccounted = await _unaccounted(town)
    said = [] if unaccounted == 0 else [f"the exporter says {unaccounted} messages are unaccounted for"]
    return (*examine(history), *said, *_logged(town))


async def _shown(town: Town, number: int) -> Asked:
    order = await town.stage.vendors.order(number)
    connection = STORES[order["store"]]
    return asked(order, connection.name, connection.prefix, {})


def _spans(ear: Ear, orders: Iterable[Asked], dark: Sequence[datetime]) -> Iterator[tuple[str, Span]]:
    """A sandbox that was killed cannot tell of the calls it was making: what was placed before may have been accepted
    before, too.
    """
    for order in orders:
        span = ear.sight.span(order.number)
        if span is None:
            continue
        placed, began = ear.began[f"{ORDER}/{order.number}"], datetime.fromisoformat(span.began)
        hidden = any(placed <= moment + GRACE and moment <= began for moment in dark)
        yield order.key, replace(span, began="") if hidden else span


async def _unaccounted(town: Town) -> int | None:
    """Of a snapshot that was begun from now on."""
    since = datetime.now(UTC)
    url = town.stage.ports.url(town.stage.ports.metrics["exporter"])
    for _ in range(100):
        count = await books.unaccounted(town.stage.http, url, since)
        if count is not None:
            return count
        await pause(0.2)
    return None


def _logged(town: Town) -> Iterator[str]:
    for log in sorted(town.logs.glob("*.log")):
        if repairs := log.read_text(errors="replace").count(REPAIRED):
            yield f"{log.name} tells of {repairs} repairs of lanes"
    servers = town.logs.parent / "servers" / "postgres.log"
    if deadlocks := servers.read_text(errors="replace").count("deadlock detected"):
        yield f"{deadlocks} deadlocks"


def figures_of(town: Town, ear: Ear) -> Mapping[str, int | float]:
    load = town.load
    return {
        "orders": len(ear.sight.orders),
        "documents": ear.sight.live(),
        "deliveries": len(ear.deliveries) + len(load.deliveries),
        "accepted": sum(one.sure for one in (*ear.deliveries, *load.deliveries)),
        "answered_503": load.answers[503],
        "unanswered": load.answers[0],
        **{f"kill_{name}": count for name, count in town.kills().items()},
        **{f"fell_{name}": count for name, count in town.stage.crew.falls.items()},
    }
