"""What is left of a host that falls silent, in short; the long form is an attack."""

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.chaos.lan import Lan, NotAllowedError, open_lan, relay, serve

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    try:
        async with open_lan(["worker"], random.SystemRandom()) as made:
            yield made
    except NotAllowedError as error:
        pytest.skip(str(error))


async def test_host_that_is_cut_off_in_a_transaction_frees_its_locks(
    lan: Lan, pool: asyncpg.Pool, database_url: str
) -> None:
    await pool.execute("INSERT INTO destination (name) VALUES ('erp:main')")
    there = urlsplit(database_url)
    async with relay(lan.address, there.port or 0) as port:
        url = there._replace(netloc=f"{there.username}@{lan.address}:{port}").geturl()
        argv = lan.hosts["worker"].run(sys.executable, "-m", "tests.chaos.hold", url)
        child = await asyncio.create_subprocess_exec(*argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        try:
            assert await child.stdout.readline() == b"held\n"
            await lan.cut("worker")
            async with asyncio.timeout(20), pool.acquire() as conn, conn.transaction():
                await conn.execute("SET LOCAL lock_timeout = 0")
                assert await conn.fetchval("SELECT name FROM destination FOR UPDATE") == "erp:main"
        finally:
            child.kill()
            await child.wait()


async def test_cut_host_hears_nothing_and_is_heard_again_once_healed(lan: Lan) -> None:
    async with serve(lan.address, _echo) as port:
        argv = lan.hosts["worker"].run(sys.executable, "-c", TALK, lan.address, str(port))
        child = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert await asyncio.wait_for(child.stdout.readline(), 20) == b"first\n"
            await lan.cut("worker")
            child.stdin.write(b"second\n")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(child.stdout.readline(), 1.0)
            await lan.heal("worker")
            assert await asyncio.wait_for(child.stdout.readline(), 20) == b"second\n"
        finally:
            child.kill()
            await child.wait()


TALK = """
import itertools, socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as there:
    for line in itertools.chain(["first\\n"], sys.stdin):
        there.sendall(line.encode())
        print(there.recv(100).decode(), end="", flush=True)
"""


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)


@pytest.mark.parametrize("name", ["tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count"])
async def test_postgres_asks_after_silent_hosts_and_soon_gives_them_up(pool: asyncpg.Pool, name: str) -> None:
    assert 0 < int(await pool.fetchval(f"SHOW {name}")) <= 15


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits how long an answer may be on its way")
async def test_answer_that_nobody_takes_is_given_up_soon(pool: asyncpg.Pool) -> None:
    assert await pool.fetchval("SHOW tcp_user_timeout") == "30000"
