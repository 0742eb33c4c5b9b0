import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.domain.tokens import TokenPair, TokenStore
from app.ledger.tokens import Tokens

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def pair(number: int, saved_at: datetime = NOON) -> TokenPair:
    return TokenPair(f"access-{number}", f"refresh-{number}", saved_at + timedelta(hours=8), saved_at)


@pytest.fixture
def store(pool) -> TokenStore:
    return Tokens(pool, "sage200:main")


async def test_new_store_holds_no_pair_even_while_one_refreshes(store):
    async with store.refresh_lease(30):
        assert await store.load() is None


async def test_saved_pair_is_seen_by_another_process(store, pool):
    await store.save(pair(1))
    assert await Tokens(pool, "sage200:main").load() == pair(1)
    assert await Tokens(pool, "sage200:other").load() is None


async def test_lease_goes_to_one_of_many(store, pool):
    inside = asyncio.Event()
    leave = asyncio.Event()

    async def hold():
        async with store.refresh_lease(30) as ours:
            assert ours
            inside.set()
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(hold())
        await inside.wait()
        async with Tokens(pool, "sage200:main").refresh_lease(30) as ours:
            assert not ours
        leave.set()
    async with store.refresh_lease(30) as ours:
        assert ours


async def test_lease_race_has_one_winner(pool):
    leave = asyncio.Event()
    answers = []

    async def want():
        async with Tokens(pool, "sage200:main").refresh_lease(30) as ours:
            answers.append(ours)
            if len(answers) == 8:
                leave.set()
            await leave.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(want())
    assert sorted(answers) == [False] * 7 + [True]


async def test_no_transaction_is_open_while_the_lease_is_held(store, pool):
    async with store.refresh_lease(30):
        held = await pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
    assert held == 0


async def test_lease_of_a_dead_process_runs_out(store, pool):
    abandoned = Tokens(pool, "sage200:main").refresh_lease(0.0)
    assert await abandoned.__aenter__()
    async with store.refresh_lease(30) as ours:
        assert ours
        await abandoned.__aexit__(None, None, None)
        still = await pool.fetchval("SELECT lease_holder IS NOT NULL FROM erp_token")
    assert still, "leaving late must not end the lease of the next holder"


async def test_pair_survives_a_clock_that_runs_behind(store):
    await store.save(pair(1, NOON))
    await store.save(pair(2, NOON - timedelta(seconds=3)))
    assert (await store.load()).refresh_token == "refresh-2"


async def test_copy_wins_over_a_restored_database(pool, tmp_path: Path):
    kept = Tokens(pool, "sage200:main", tmp_path)
    await kept.save(pair(1))
    await kept.save(pair(2, NOON + timedelta(hours=8)))
    await pool.execute("UPDATE erp_token SET refresh_token = 'refresh-1', saved_at = $1", NOON)
    assert (await kept.load()).refresh_token == "refresh-2"


async def test_row_wins_over_an_old_copy(pool, tmp_path: Path):
    await Tokens(pool, "sage200:main", tmp_path).save(pair(1))
    await Tokens(pool, "sage200:main").save(pair(2, NOON + timedelta(hours=8)))
    assert (await Tokens(pool, "sage200:main", tmp_path).load()).refresh_token == "refresh-2"


async def test_copy_is_private_and_hidden(pool, tmp_path: Path):
    kept = Tokens(pool, "sage200:main", tmp_path)
    await kept.save(pair(1))
    file = tmp_path / ".sage200-main.token.json"
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(file.read_text())["refresh_token"] == "refresh-1"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"access_token": "a"}'])
async def test_torn_copy_is_ignored(pool, tmp_path: Path, content):
    kept = Tokens(pool, "sage200:main", tmp_path)
    await kept.save(pair(1))
    kept.copy.write_text(content)
    assert await kept.load() == pair(1)


async def test_folder_that_cannot_be_written_costs_the_copy_only(pool, tmp_path: Path):
    kept = Tokens(pool, "sage200:main", tmp_path / "gone")
    await kept.save(pair(1))
    assert await kept.load() == pair(1)


def test_pair_tells_no_token():
    assert "refresh-1" not in repr(pair(1))
