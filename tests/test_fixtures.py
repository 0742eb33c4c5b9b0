import socket

import asyncpg
import pytest
from pytest_socket import SocketConnectBlockedError


async def test_database_starts_at_the_newest_revision(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("SELECT count(*) FROM alembic_version") == 1


@pytest.mark.parametrize("_again", [1, 2])
async def test_database_is_a_new_one_for_each_test(_again: int, pool: asyncpg.Pool) -> None:
    await pool.execute("CREATE TABLE left_behind (id int)")
    assert await pool.fetchval("SELECT count(*) FROM left_behind") == 0


async def test_commits_are_synchronous(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("SHOW synchronous_commit") == "on"


def test_sockets_reach_the_loopback_only() -> None:
    with (
        socket.socket() as outside,
        pytest.warns(UserWarning, match="192.0.2.1"),
        pytest.raises(SocketConnectBlockedError),
    ):
        outside.connect(("192.0.2.1", 80))
