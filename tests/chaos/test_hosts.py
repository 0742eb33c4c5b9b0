"""What is left of a host that falls silent, in short; the long form is an attack."""

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.db.session import open_pool
from app.embedded.folder import own
from app.embedded.reach import discard
from tests.chaos.attacks.hosts import HELD_SECONDS
from tests.chaos.district import open_servers_on
from tests.chaos.lan import Lan, NotAllowedError, open_lan, serve

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def lan() -> AsyncIterator[Lan]:
    try:
        async with open_lan(["worker"], random.SystemRandom()) as made:
            yield made
    except NotAllowedError as error:
        pytest.skip(str(error))


@pytest.fixture
async def server(lan: Lan) -> AsyncIterator[str]:
    """The URL of a Postgres that listens on the LAN itself."""
    folder = ROOT / ".sluice" / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(dir=folder))
    await asyncio.to_thread(home.chmod, 0o711)
    async with own(home) as lock, open_servers_on(lan, home, lock) as servers:
        yield servers["postgres"].server.url
    discard(home)


@pytest.mark.parametrize("begun", [None, "SELECT 1"], ids=["idle", "amid a statement"])
async def test_host_that_is_cut_off_frees_its_locks(lan: Lan, server: str, begun: str | None) -> None:
    async with open_pool(server, size=1) as pool, pool.acquire() as conn:
        await conn.execute("CREATE TABLE destination (name text)")
        await conn.execute("INSERT INTO destination VALUES ('erp:main')")
        there = server.replace("127.0.0.1", lan.address)
        argv = [sys.executable, "-m", "tests.chaos.hold", there, *([begun] if begun else [])]
        child = await asyncio.create_subprocess_exec(
            *lan.hosts["worker"].run(*argv), cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert await child.stdout.readline() == b"held\n"
            await lan.cut("worker")
            async with asyncio.timeout(HELD_SECONDS), conn.transaction():
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
