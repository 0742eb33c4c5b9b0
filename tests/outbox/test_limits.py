"""Very many lanes, very long keys, keys that are almost the same."""

import asyncio
import random
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.lanes import normalise, sku_lanes
from app.domain.message import Claimed, Draft, Retry, Snooze
from tests.outbox.engine import Engine, effect

WORKERS = 4
SIZES = (0, 1, 64, 65, 500)


def codes(count: int) -> list[str]:
    return [f"S{number:03}" for number in range(count)]


def noise(length: int, seed: int = 1) -> str:
    """Capitals that do not compress: Postgres would squeeze a run of one letter into an index."""
    return "".join(random.Random(seed).choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=length))


class Shift:
    """Workers that drain together, and what they saw: `applied` in order, `clashes` of lanes in flight."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.engine, self.rng = engine, random.Random(seed)
        self.flying: dict[int, set[str]] = {}
        self.applied: list[str | None] = []
        self.clashes: list[tuple[str | None, set[str]]] = []

    async def drain(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(WORKERS):
                group.create_task(self._work(f"w{number}"))

    async def _work(self, name: str) -> None:
        while await self.engine.pool.fetchval("SELECT count(*) FROM message_state"):
            claimed = await self.engine.claim(worker=name)
            for message in claimed:
                self._take(message)
            await self.engine.pool.fetchval("SELECT pg_sleep($1)", self.rng.random() / 500)
            for message in claimed:
                await self._end(message)

    def _take(self, message: Claimed) -> None:
        lanes = set(message.lanes)
        others = set().union(*self.flying.values())
        if lanes & others:
            self.clashes.append((message.key, lanes & others))
        self.flying[message.id] = lanes

    async def _end(self, message: Claimed) -> None:
        del self.flying[message.id]
        if self.rng.random() < 0.1:
            await self.engine.settle([message], Retry("500", 0.0))
        else:
            self.applied.append(message.key)
            await self.engine.settle([message])


def places(applied: Iterable[str | None]) -> dict[str | None, int]:
    return {key: place for place, key in enumerate(applied)}


@pytest.mark.parametrize("size", SIZES)
async def test_message_of_many_lanes_is_never_in_flight_with_one_of_theirs(engine: Engine, size: int) -> None:
    skus = codes(size)
    singles = random.Random(size).sample(skus, k=min(size, 20))
    await engine.append(*(effect(f"before {sku}", [sku]) for sku in singles))
    await engine.append(effect("big", skus))
    await engine.append(*(effect(f"after {sku}", [sku]) for sku in singles))
    shift = Shift(engine, seed=size)
    await shift.drain()
    at = places(shift.applied)
    assert shift.clashes == []
    assert all(at[f"before {sku}"] < at["big"] < at[f"after {sku}"] for sku in singles)
    assert (len(shift.applied), await engine.leftovers()) == (2 * len(singles) + 1, (0, 0, 0))


async def test_messages_of_many_lanes_come_between_singles_without_harm(engine: Engine) -> None:
    """Appended by several at once, in opposite orders of their lanes, while others drain."""
    skus = codes(65)
    rng = random.Random(7)
    drafts = [effect(f"big {n}", skus[:: (-1) ** n]) for n in range(6)]
    drafts += [effect(f"one {n}", [rng.choice(skus)]) for n in range(60)]
    rng.shuffle(drafts)
    shift = Shift(engine, seed=7)
    async with asyncio.TaskGroup() as group:
        for start in range(3):
            group.create_task(append_each(engine, drafts[start::3]))
    await shift.drain()
    tickets = await engine.pool.fetch("SELECT key, id FROM message")
    assert len(tickets) == len(drafts)
    assert (shift.clashes, sorted(filter(None, shift.applied))) == ([], sorted(d.key or "" for d in drafts))
    assert await engine.leftovers() == (0, 0, 0)


async def append_each(engine: Engine, drafts: Sequence[Draft]) -> None:
    for draft in drafts:
        await engine.append(draft)


async def test_message_of_five_hundred_lanes_leaves_all_of_them_when_it_steps_aside(engine: Engine) -> None:
    skus = codes(500)
    await engine.append(effect("big", skus), effect("first", skus[:1]), effect("last", skus[-1:]))
    await engine.settle(await engine.claim(), Snooze("locked", 5, aside=True))
    passing = await engine.claim()
    assert sorted(message.key or "" for message in passing) == ["first", "last"]
    engine.later(6)
    await engine.enter()
    assert await engine.claim() == []
    await engine.settle(passing)
    assert [message.key for message in await engine.claim()] == ["big"]


CODES = {
    "one character": "A",
    "nothing": "",
    "ten thousand of one": "a" * 10_000,
    "ten thousand that do not compress": noise(10_000),
    "ten thousand of four bytes": "\U0001f9e5" * 10_000,
    "emoji": "\U0001f9e5",
    "a NUL": "A\x00B",
    "a lone surrogate": "A\ud800",
    "a separator": "sku:/%|",
}


@pytest.mark.parametrize("code", CODES.values(), ids=CODES)
async def test_strange_code_is_a_lane_like_any_other(engine: Engine, code: str) -> None:
    await engine.append(effect("a", [code, "X"]), effect("b", [code]), effect("c", ["X"]))
    first = await engine.claim()
    assert [message.key for message in first] == ["a"]
    await engine.settle(first, Retry("500", 31))  # its codes become dirty, too
    assert sorted(message.key or "" for message in await engine.claim()) == ["b", "c"]


async def test_long_codes_that_differ_at_their_end_are_two_lanes(engine: Engine) -> None:
    long = noise(10_000)
    await engine.append(effect("a", [long]), effect("b", [long + "1"]))
    assert len(await engine.claim()) == 2


ALIKE = (
    ("tee", "TEE", " Tee\t", "tEE "),
    ("caf\u00e9", "cafe\u0301", "CAF\u00c9", "CAFE\u0301 "),
    ("gro\u00df", "GROSS", "gro\u1e9e"),
    ("a  b", "A B", "a\u00a0b", "\u2003a\nb"),
    ("\u212b", "\u00e5", "A\u030a"),
)


@pytest.mark.parametrize("spellings", ALIKE, ids=[group[0] for group in ALIKE])
async def test_spellings_of_one_code_are_one_lane(engine: Engine, spellings: tuple[str, ...]) -> None:
    await engine.append(*(effect(f"k{n}", [code]) for n, code in enumerate(spellings)))
    order = []
    while claimed := await engine.claim():
        order += [message.key for message in claimed]
        assert len(claimed) == 1
        await engine.settle(claimed)
    assert order == [f"k{n}" for n in range(len(spellings))]


async def test_spellings_of_one_code_in_one_message_are_one_ticket(engine: Engine) -> None:
    await engine.append(effect("a", [code for group in ALIKE for code in group]))
    held = await engine.pool.fetchval("SELECT count(*) FROM ticket WHERE lane LIKE 'sku:%'")
    assert held == len(ALIKE)


@given(st.text(max_size=300))
def test_lane_of_a_lane_code_is_the_same_lane(code: str) -> None:
    """Aliases are kept normalised: the kept spelling must be in the lane of the given one."""
    assert sku_lanes([code]) == sku_lanes([normalise(code)])


@given(st.text(st.characters(min_codepoint=32), max_size=300))
def test_lane_always_fits_into_an_index(code: str) -> None:
    (lane,) = sku_lanes([code])
    assert len(lane.encode()) < 2704 / 3


async def test_patience_is_not_longer_when_the_clock_goes_back(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["X"]))
    await engine.settle(await engine.claim(), Retry("500", 0.0))
    engine.later(-3600)
    await engine.pool.execute("UPDATE message_state SET due_at = '-infinity' WHERE state = 'ready'")
    await engine.settle(await engine.claim(), Retry("500", 31.0))
    assert [message.key for message in await engine.claim()] == ["b"]
