"""The webhook sender: one queue per plugin, one call at a time, and what can go wrong on the way."""

import asyncio
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx

from app.sandbox.centra import dates
from app.sandbox.centra.announce import OUTBOUND, PLUGIN, show_outbound
from app.sandbox.centra.shop import ORDER, is_releasable
from app.sandbox.centra.sign import sign, write_body
from app.sandbox.mirror import Doc
from app.sandbox.store import Call
from app.sandbox.world import World

DELIVERY = "centra.delivery"
HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/x-www-form-urlencoded",
}
CARRIED = frozenset(
    {"double", "reorder", "delay", "bad_signature", "truncate", "unknown_type", "foreign", "early"}
)
"""Faults of a call that is made; any other kind means that it never arrives."""


@dataclass
class Batch:
    """`events`: as stored. `extra`: what a fault puts among them, as sent."""

    plugin: Doc
    events: list[Doc]
    fault: str = ""
    extra: list[Doc] = field(default_factory=list)


class Sender:
    """`seen`: numbers of orders that an answer has shown; those can no longer come too early."""

    def __init__(self, world: World, seen: set[int]) -> None:
        self._world = world
        self._seen = seen
        self._bells: dict[int, asyncio.Event] = {}
        self._held: set[int] = set()

    def wake(self) -> None:
        """Needs a running loop. Queues without a worker get one."""
        for plugin in self._world.store.read().seek(PLUGIN):
            if plugin["id"] not in self._bells:
                self._bells[plugin["id"]] = asyncio.Event()
                self._world.tasks.start(self._work(plugin["id"]))
            self._bells[plugin["id"]].set()

    async def _work(self, plugin_id: int) -> None:
        bell = self._bells[plugin_id]
        late: Batch | None = None
        until: float | None = None
        async with httpx.AsyncClient(headers={"User-Agent": "Centra"}) as client:
            while True:
                bell.clear()
                batch = self._take(plugin_id)
                if batch is None and await self._wait(bell, until):
                    continue
                if batch is None:
                    await self._catch_up(client, late)
                    late = until = None
                    continue
                batch.fault = self._world.faults.decide("centra", "POST", "webhook") or ""
                if batch.fault == "reorder" and late is None:
                    late, until = batch, self._patience_ends()
                    self._held.update(event["seq"] for event in batch.events)
                    continue
                await self._carry(client, batch)
                await self._catch_up(client, late)
                late = until = None

    def _patience_ends(self) -> float:
        seconds = self._world.switches["centra.webhook_reorder_seconds"] / self._world.clock.scale
        return asyncio.get_running_loop().time() + float(seconds)

    async def _wait(self, bell: asyncio.Event, until: float | None) -> bool:
        """False when nothing came by then that a held-back call could have been overtaken by. Polls ring the bell, too:
        they must not prolong the wait.
        """
        try:
            async with asyncio.timeout_at(until):
                await bell.wait()
        except TimeoutError:
            return False
        return True

    async def _catch_up(self, client: httpx.AsyncClient, late: Batch | None) -> None:
        if late is not None:
            late.events.reverse()
            await self._carry(client, late)
            self._held.difference_update(event["seq"] for event in late.events)

    def _take(self, plugin_id: int) -> Batch | None:
        view = self._world.store.read()
        plugin = view.get(PLUGIN, plugin_id)
        if plugin is None or not plugin["active"]:
            return None
        pending = (event for event in view.seek(OUTBOUND, plugin=plugin_id) if event["seq"] not in self._held)
        events = [dict(event) for event in islice(pending, plugin["batch"])]
        return Batch(plugin, events) if events else None

    async def _carry(self, client: httpx.AsyncClient, batch: Batch) -> None:
        """To a 2xx, or to the end of the retries; then it is gone for good (centra.md 1.6)."""
        if batch.fault and batch.fault not in CARRIED:
            moment = dates.keep(self._world.clock.now())
            self._tell(batch, 0, (moment, moment), final=True)
            return
        self._prepare(batch)
        first = int(self._world.clock.now().timestamp())
        for attempt in range(batch.plugin["retries"] + 1):
            last = attempt == batch.plugin["retries"]
            fresh = attempt and self._world.switches["centra.webhook_retry_t"] == "fresh"
            done = await self._attempt(client, batch, None if fresh else first, final=last)
            if done or last:
                break
            await self._world.clock.sleep(self._world.switches["centra.webhook_retry_seconds"] * 4**attempt)
        if batch.fault == "double":
            await self._attempt(client, batch, None, final=True)

    async def _attempt(
        self, client: httpx.AsyncClient, batch: Batch, moment: int | None, *, final: bool
    ) -> bool:
        content, headers = self._seal(batch, moment)
        started = dates.keep(self._world.clock.now())
        try:
            async with asyncio.timeout(batch.plugin["timeout_seconds"]):
                answer = await client.post(
                    batch.plugin["url"], content=content, headers=headers, timeout=None
                )
            status = answer.status_code
        except (httpx.HTTPError, TimeoutError):
            status = 0
        done = 200 <= status < 300
        self._tell(batch, status, (started, dates.keep(self._world.clock.now())), final=done or final)
        return done

    def _seal(self, batch: Batch, moment: int | None) -> tuple[bytes, dict[str, str]]:
        zone = ZoneInfo(self._world.switches["centra.zone"])
        events = [show_outbound(event, zone) for event in batch.events] + batch.extra
        body = write_body(events, batch.plugin["space"])
        stamp = int(self._world.clock.now().timestamp()) if moment is None else moment
        if batch.fault == "delay":
            stamp -= self._world.rng.randint(301, 900)
        cut = body[: len(body) * 2 // 3] if batch.fault == "truncate" else body
        signed = cut if self._world.switches["centra.truncate_signs"] == "cut" else body
        secret = batch.plugin["secret"]
        if secret is None:
            return cut, HEADERS
        header = sign(secret + "?" if batch.fault == "bad_signature" else secret, stamp, signed)
        return cut, {**HEADERS, "X-Centra-Signature": header}

    def _prepare(self, batch: Batch) -> None:
        moment = dates.keep(self._world.clock.now())
        date = dates.show_webhook(moment, ZoneInfo(self._world.switches["centra.zone"]))
        if batch.fault == "unknown_type":
            batch.extra.append({"type": "moonphase", "action": "wane", "date": date, "id": 7})
        if batch.fault == "foreign":
            orders = self._world.store.read().seek(ORDER)
            foreign = next((one["number"] for one in orders if one["store"] != batch.plugin["store"]), 1)
            batch.extra.append({"type": "order", "action": "update", "date": date, "id": foreign})
        if batch.fault == "early":
            self._hide(batch)

    def _hide(self, batch: Batch) -> None:
        """Orders that nobody has read yet stay unreadable for a while after their first notice."""
        now = self._world.clock.now()
        until = now.timestamp() + self._world.switches["centra.early_seconds"]
        for event in batch.events:
            order = self._world.store.read().get(ORDER, event["order"])
            if order is not None and event["action"] != "update" and event["order"] not in self._seen:
                order["readable_at"] = dates.keep(now.fromtimestamp(until, now.tzinfo))
                self._world.store.save(ORDER, str(event["order"]), order)

    def _tell(self, batch: Batch, status: int, moments: tuple[str, str], *, final: bool) -> None:
        """One history row per call; with the last one its events leave the queue."""
        events = [self._describe(event) for event in batch.events]
        numbers = ",".join(dict.fromkeys(str(event["number"]) for event in events))
        call = Call(
            "centra.webhook", "POST", urlsplit(batch.plugin["url"]).path, status, numbers, batch.fault
        )
        doc = {
            "plugin": batch.plugin["id"],
            "store": batch.plugin["store"],
            "started_at": moments[0],
            "answered_at": moments[1],
            "status": status,
            "events": events,
            "extra": batch.extra,
        }
        with self._world.store.record(call) as change:
            change.put(DELIVERY, change.next_id(DELIVERY), doc)
            for event in batch.events if final else ():
                change.delete(OUTBOUND, f"{event['seq']:012d}")

    def _describe(self, event: Doc) -> dict[str, Any]:
        """`number`: of the order, also where a shipment is told. `releasable`: as the order stands when the call is over."""
        order = self._world.store.read().get(ORDER, event["order"])
        free = order is not None and is_releasable(order["status"], on_hold=order["hold"] is not None)
        told = {
            "number": event["order"],
            "action": event["action"],
            "date": event["date"],
            "releasable": free,
        }
        return told if event["type"] == "order" else {**told, "type": event["type"], "id": event["id"]}
