"""Facts that many tell of, again and again, through four processes that keep failing; and the audit that judges them."""

import asyncpg
import pytest

from tests.chaos.attacks.deliveries import Wave, deliver_all
from tests.chaos.crowd.audit import examine, judge
from tests.chaos.crowd.books import Document
from tests.chaos.crowd.facts import world_of
from tests.outbox.engine import Engine, effect


async def test_every_fact_is_in_the_books_once_and_in_order_whoever_fails(database_url: str) -> None:
    figures, wrong = await deliver_all(database_url, Wave(2000, seed=5, seconds=90, processes=2))
    assert wrong == []
    assert figures["deliveries"] >= 2000


def test_world_is_as_large_as_wished_and_each_fact_is_told() -> None:
    world = world_of(3, 9000, 4)
    told = [one for number in world.blocks() for one in world.block(number)]
    assert len(told) >= 9000
    assert {one.fact for one in told} == set(world.facts())
    assert {one.process for one in told} == {0, 1, 2, 3}


def document(key: str, ticket: int | None, *skus: str, number: int = 0) -> Document:
    return Document(key, key.partition("/")[0], number, skus, ticket)


GOOD = [document("a", 1, "X"), document("b", 2, "X", "Y"), document("a/1", 3, "X", number=1)]


def test_books_in_order_are_good() -> None:
    assert judge(["a", "b", "a/1"], GOOD, frozenset()) == []


@pytest.mark.parametrize(
    ("keys", "documents", "said"),
    [
        (["a", "b"], GOOD[:1], "1 told and not in the books: b"),
        (["a"], [*GOOD[:1], document("z", 9, "X")], "1 in the books and never told: z"),
        (["a"], [GOOD[0], document("a", 4, "X", number=1)], "1 in the books more than once: a"),
        (["a", "b"], [GOOD[1], GOOD[0]], "1 written against the order of tickets: a"),
        (["a"], [document("a", None, "X")], "1 written against the order of tickets: a without a place"),
        (["a", "a/1"], [document("a/1", 1, "X", number=1), document("a", 2, "Y")], "2 written against"),
    ],
)
def test_audit_finds(keys: list[str], documents: list[Document], said: str) -> None:
    (told,) = judge(keys, documents, frozenset())
    assert told.startswith(said)


async def test_examination_finds_what_is_left_lost_and_stranded(engine: Engine) -> None:
    await engine.append(effect("a", ["X"]), effect("b", ["Y"]))
    first, second = await engine.claim()
    await engine.settle([first])
    assert (await examine(engine.pool))[:2] == ["1 rows left in message_state", "2 rows left in ticket"]
    await engine.settle([second])
    assert await examine(engine.pool) == []
    await engine.pool.execute("DELETE FROM receipt WHERE message_id = (SELECT min(message_id) FROM receipt)")
    (lost,) = await examine(engine.pool)
    assert lost.startswith("out of balance")


@pytest.fixture
def engine(pool: asyncpg.Pool) -> Engine:
    return Engine(pool)
