"""`freshness`: from the 202 to the first byte of what follows from it, on an idle system, vendors without latency."""

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from app.demo.shoppers import UK, Shop
from bench.arena import Arena
from bench.deliver import Envelope
from bench.desk import ACCEPTED, DONE
from bench.harness import Bench, Contender, Outcome, Sample
from bench.load import quantile
from bench.roles import CENTRA_TOKEN, HOST, PATH, PREFIX, SECRET, Role, command, open_role
from bench.stage import Stage, open_stage
from bench.tap import Fits, Tap, open_tap

AIM = "p99 ≤ 50 ms from the 202 to the first byte of the sales order"
PATIENCE_SECONDS = 30.0
GAP_SECONDS = (0.1, 0.5)
WARM = 10


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds. `accept`: request to 202. `read`, `probed`, `posted`: 202 to the first byte of the re-read at Centra, of
    the look for our key and of the sales order at Sage.
    """

    accept: float
    read: float
    probed: float
    posted: float


async def bench(arena: Arena) -> Bench:
    events = 30 if arena.quick else 300

    async def ours() -> Sample:
        return sample_of(await watch(arena, events))

    async def direct() -> Sample:
        return spread(await call(arena, events))

    return Bench(
        name="freshness",
        unit="ms (p99)",
        aim=AIM,
        better="lower",
        ours=Contender(
            "ours",
            "",
            f"API and worker as shipped, {events} orders a round one by one, gaps of 0.1-0.5 s by chance",
            ours,
        ),
        references=[
            Contender("a direct call", httpx.__version__, "httpx, keep-alive, the same query", direct)
        ],
        met=met,
        rounds=1 if arena.quick else 3,
        warm_up=False,
    )


def met(outcome: Outcome) -> bool:
    return outcome.ours.p99 is not None and outcome.ours.p99 <= 50


def sample_of(times: Sequence[Times]) -> Sample:
    steps = {
        "accept": [one.accept for one in times],
        "to_the_reread": [one.read for one in times],
        "to_the_look_for_our_key": [one.probed for one in times],
    }
    facts = {
        f"{name}_{label}": round(quantile(sorted(millis), share), 2)
        for name, millis in steps.items()
        for label, share in (("p50", 0.5), ("p99", 0.99))
    }
    return spread([one.posted for one in times], facts)


def spread(millis: Sequence[float], facts: Mapping[str, Any] | None = None) -> Sample:
    ordered = sorted(millis)
    p99 = quantile(ordered, 0.99)
    return Sample(p99, quantile(ordered, 0.5), p99, facts={**(facts or {}), "events": len(ordered)})


async def watch(arena: Arena, events: int) -> list[Times]:
    chance = random.Random(1)  # noqa: S311 - baskets and gaps
    async with open_stage(arena) as stage, open_tap(stage.port) as tap:
        env = stage.environment(tap.port)
        shop = Shop(stage.catalogue, chance)
        async with (
            open_role("api", command("api"), env, stage.folder) as api,
            open_role("worker", command("worker"), env, stage.folder),
        ):
            street = Street(stage, tap, api, shop)
            times = [await street.order() for _ in range(WARM + events)]
    return times[WARM:]


@dataclass(frozen=True, slots=True)
class Street:
    stage: Stage
    tap: Tap
    api: Role
    shop: Shop

    async def order(self) -> Times:
        """A checkout, its webhook, and what follows; the next one comes when this one is in the books."""
        await asyncio.sleep(self.shop.chance.uniform(*GAP_SECONDS))
        number = int((await self.stage.vendors.place(self.shop.order(1, UK)))["number"])
        read, probed, posted = (self.tap.watch(fits(number)) for fits in (rereads, probes, posts))
        sent, answered = await self._deliver(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return Times(
                accept=(answered - sent) * 1000,
                read=(await read - answered) * 1000,
                probed=(await probed - answered) * 1000,
                posted=(await posted - answered) * 1000,
            )

    async def _deliver(self, number: int) -> tuple[float, float]:
        """When it was sent, and when its 202 was here."""
        event = {"type": "order", "action": "insert", "date": "2026-03-02 09:14:07.118204", "id": number}
        request = Envelope(self.api.port, PATH, SECRET, int(time.time())).write(event)
        reader, writer = await asyncio.open_connection(HOST, self.api.port)
        sent = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(DONE)
        answered = time.perf_counter()
        writer.close()
        await writer.wait_closed()
        if not head.startswith(ACCEPTED):
            raise RuntimeError(f"the webhook was not accepted: {head[:60]!r}")
        return sent, answered


def rereads(number: int) -> Fits:
    """The query by which Centra is asked for an order."""
    wanted = re.compile(rb'"number":\s*\[\s*%d\s*\]' % number)
    return lambda text: wanted.search(text) is not None


def probes(number: int) -> Fits:
    """The question whether Sage has it already."""
    key = f"{PREFIX}-{number}".encode()
    return lambda text: text.startswith(b"GET ") and b"/sop_orders?" in text and key in text


def posts(number: int) -> Fits:
    """Sage's sales order of a shop's order."""
    key = f'"{PREFIX}-{number}"'.encode()
    return lambda text: text.startswith(b"POST ") and b"/sop_orders " in text and key in text


async def call(arena: Arena, events: int) -> list[float]:
    """The first byte of a call that nobody queued, by the same client library through the same wire."""
    chance = random.Random(1)  # noqa: S311 - gaps
    headers = {"authorization": f"Bearer {CENTRA_TOKEN}"}
    millis = []
    async with open_stage(arena) as stage, open_tap(stage.port) as tap, httpx.AsyncClient() as http:
        for number in range(WARM + events):
            await asyncio.sleep(chance.uniform(*GAP_SECONDS) / 4)
            heard = tap.watch(rereads(number))
            body = {"query": "query { __typename }", "variables": {"number": [number]}}
            began = time.perf_counter()
            await http.post(f"http://{HOST}:{tap.port}/centra/graphql", json=body, headers=headers)
            millis.append((await heard - began) * 1000)
    return millis[WARM:]
