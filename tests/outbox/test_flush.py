"""Shared commits: what one request suffers, its neighbours do not."""

import asyncio
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.domain.message import Draft, MessageClass
from app.outbox.flush import CannotStoreError, Flusher, Measure, UnstorableError
from app.outbox.keys import Appended


def draft(key, **more):
    return Draft(
        kind="centra.order", cls=MessageClass.NOTICE, destination="centra:uk", source="uk", key=key, **more
    )


class NoPool:
    """A pool whose connections only begin and commit."""

    @asynccontextmanager
    async def acquire(self):
        yield self

    @asynccontextmanager
    async def transaction(self):
        yield


class Recorder:
    """An append that numbers keys, waits for leave, and may fail for some keys."""

    def __init__(self, failures=None):
        self.batches = []
        self.failures = failures or {}
        self.leave = asyncio.Event()
        self.leave.set()
        self.busy = asyncio.Event()

    async def __call__(self, _conn, drafts):
        self.batches.append([one.key for one in drafts])
        self.busy.set()
        await self.leave.wait()
        for one in drafts:
            if one.key in self.failures:
                raise self.failures[one.key]
        return [Appended(int(one.key)) for one in drafts]


def fake_flusher(append, **measure):
    return Flusher(NoPool(), measure=Measure(**{"flushers": 1, **measure}), append=append)


async def gathered(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)


async def test_append_answers_after_the_commit_with_the_ids(pool):
    async with Flusher(pool) as flusher:
        stored = await flusher.append([draft("a"), draft("b")])
        kept = await pool.fetch("SELECT id FROM message ORDER BY id")  # on another connection, at once
    assert [one.message_id for one in stored] == [row["id"] for row in kept]


async def test_append_of_concurrent_requests_gives_each_its_own_answers(pool):
    async with Flusher(pool) as flusher:
        answers = await gathered(
            *(flusher.append([draft(f"{n}/1", order_ref=str(n)), draft(f"{n}/2")]) for n in range(100))
        )
    rows = {row["key"]: row["id"] for row in await pool.fetch("SELECT key, id FROM message")}
    assert [[one.message_id for one in answer] for answer in answers] == [
        [rows[f"{n}/1"], rows[f"{n}/2"]] for n in range(100)
    ]


async def test_append_of_one_key_by_many_requests_stores_it_once(pool):
    async with Flusher(pool) as flusher:
        answers = await gathered(*(flusher.append([draft("same")]) for _ in range(50)))
    assert sum(not answer[0].duplicate for answer in answers) == 1
    assert len({answer[0].message_id for answer in answers}) == 1


async def test_requests_that_come_during_a_commit_share_the_next_one():
    append = Recorder()
    append.leave.clear()
    async with fake_flusher(append) as flusher:
        first = asyncio.ensure_future(flusher.append([draft("1")]))
        await append.busy.wait()
        others = [asyncio.ensure_future(flusher.append([draft(str(n))])) for n in range(2, 12)]
        await asyncio.sleep(0)
        append.leave.set()
        await gathered(first, *others)
    assert [len(batch) for batch in append.batches] == [1, 10]


async def test_a_batch_holds_no_more_drafts_than_its_measure():
    append = Recorder()
    async with fake_flusher(append, batch=4) as flusher:
        await gathered(*(flusher.append([draft(str(n)), draft(str(n))]) for n in range(5)))
    assert max(len(batch) for batch in append.batches) == 4


async def test_a_request_larger_than_a_batch_is_stored_whole():
    append = Recorder()
    async with fake_flusher(append, batch=4, waiting_most=5) as flusher:
        stored = await flusher.append([draft(str(n)) for n in range(9)])
    assert [one.message_id for one in stored] == list(range(9))


async def test_a_bad_row_fails_its_own_request_only():
    append = Recorder({"3": asyncpg.UntranslatableCharacterError("\\u0000")})
    async with fake_flusher(append) as flusher:
        answers = await gathered(*(flusher.append([draft(str(n))]) for n in range(6)))
    assert isinstance(answers[3], UnstorableError)
    assert [answer[0].message_id for n, answer in enumerate(answers) if n != 3] == [0, 1, 2, 4, 5]


async def test_a_bad_row_in_postgres_leaves_its_neighbours_stored(pool):
    async with Flusher(pool, measure=Measure(flushers=1)) as flusher:
        answers = await gathered(
            flusher.append([draft("good")]),
            flusher.append([draft("bad", body={"name": "\u0000"})]),
            flusher.append([draft("worse", body={"name": "\ud800"})]),
            flusher.append([draft("fine")]),
        )
    assert [type(answer) for answer in answers] == [list, UnstorableError, UnstorableError, list]


async def test_an_unexpected_failure_is_told_as_cannot_store():
    append = Recorder({"1": RuntimeError("row of Mrs Smith")})
    async with fake_flusher(append) as flusher:
        answer, _ = await gathered(flusher.append([draft("1")]), flusher.append([draft("2")]))
    assert isinstance(answer, CannotStoreError)
    assert str(answer) == "failed RuntimeError"


async def test_a_lost_connection_fails_the_batch_without_trying_one_by_one():
    append = Recorder({"1": asyncpg.ConnectionDoesNotExistError()})
    async with fake_flusher(append) as flusher:
        answers = await gathered(*(flusher.append([draft(str(n))]) for n in range(3)))
    assert [answer.reason for answer in answers] == ["unreachable"] * 3
    assert len(append.batches) == 1


async def test_a_connection_lost_while_trying_one_by_one_fails_the_rest():
    append = Recorder({"0": ValueError(), "1": ConnectionResetError()})
    async with fake_flusher(append) as flusher:
        answers = await gathered(*(flusher.append([draft(str(n))]) for n in range(4)))
    assert [type(answer) for answer in answers] == [UnstorableError, *[CannotStoreError] * 3]


async def test_a_commit_that_hangs_is_given_up_as_unreachable():
    append = Recorder()
    append.leave.clear()
    async with fake_flusher(append, seconds=0.02) as flusher:
        (answer,) = await gathered(flusher.append([draft("1")]))
    assert answer.reason == "unreachable"


async def test_beyond_its_bound_the_flusher_refuses():
    append = Recorder()
    append.leave.clear()
    async with fake_flusher(append, waiting_most=2) as flusher:
        first = asyncio.ensure_future(flusher.append([draft("1")]))
        await append.busy.wait()
        waiting = [asyncio.ensure_future(flusher.append([draft(str(n))])) for n in (2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(CannotStoreError, match="overloaded"):
            await flusher.append([draft("4")])
        append.leave.set()
        assert len(await gathered(first, *waiting)) == 3


async def test_closing_drains_what_waits_and_refuses_newcomers():
    append = Recorder()
    append.leave.clear()
    async with fake_flusher(append) as flusher:
        requests = [asyncio.ensure_future(flusher.append([draft(str(n))])) for n in range(5)]
        await append.busy.wait()
        flusher.close()
        with pytest.raises(CannotStoreError, match="draining"):
            await flusher.append([draft("9")])
        append.leave.set()
    assert [request.result()[0].message_id for request in requests] == list(range(5))


async def test_a_request_given_up_by_its_sender_does_not_disturb_the_others():
    append = Recorder()
    append.leave.clear()
    async with fake_flusher(append) as flusher:
        gone = asyncio.ensure_future(flusher.append([draft("1")]))
        stays = asyncio.ensure_future(flusher.append([draft("2")]))
        await append.busy.wait()
        gone.cancel()
        append.leave.set()
        assert (await stays)[0].message_id == 2


async def test_two_flushers_commit_at_the_same_time():
    meeting = asyncio.Barrier(2)

    async def append(_conn, drafts):
        await meeting.wait()
        return [Appended(int(one.key)) for one in drafts]

    async with fake_flusher(append, flushers=2, batch=1) as flusher:
        answers = await gathered(*(flusher.append([draft(str(n))]) for n in (1, 2)))
    assert [answer[0].message_id for answer in answers] == [1, 2]
