"""Deliveries at the edge of what can be stored: sizes, keys, time, room."""

import asyncio
import os
import random
import secrets
import shutil
import subprocess
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from app.embedded.reach import server_account
from app.outbox.flush import Flusher
from tests.api.conftest import open_shop, sign
from tests.api.test_sockets import HEAD, chunk, served, talk

LIMIT = 1 << 20


def noise(length, seed=1):
    """Text that does not compress: Postgres would squeeze a run of one letter into an index."""
    return random.Random(seed).randbytes(length // 2 + 1).hex()[:length]


async def kept(pool):
    """Messages and keys, which must be as many; nothing may be half there."""
    messages = await pool.fetchval("SELECT count(*) FROM message")
    keys = await pool.fetchval("SELECT count(*) FROM idempotency_key")
    states = await pool.fetchval("SELECT count(*) FROM message_state")
    assert messages == keys == states
    return messages


@asynccontextmanager
async def storing(pool, over):
    """A gateway that takes deliveries over a pool of its own."""
    async with Flusher(over) as flusher:
        shop = open_shop(pool, flusher.append)
        async with shop.client:
            yield shop


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 202), (LIMIT + 1, 413)])
async def test_chunks_without_a_length_are_counted_to_the_byte(pool, size, status):
    body = b"1:" + b"x" * (size - 2)
    parts = [chunk(body[at : at + 60_000]) for at in range(0, size, 60_000)]
    head = f"X-Signature: {sign(body)}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    async with Flusher(pool) as flusher, served(pool, flusher.append, seconds=20) as port:
        answer, _, _ = await talk(port, HEAD.encode(), head, *parts, b"0\r\n\r\n")
    assert (answer, await kept(pool)) == (status, 1 if status == 202 else 0)


async def test_a_body_at_the_limit_is_kept_whole(shop):
    line = noise(LIMIT - 2)
    await shop.post(f"1:{line}".encode())
    raw = await shop.pool.fetchval("SELECT raw FROM message")
    assert (raw, await kept(shop.pool)) == (f"1:{line}".encode(), 1)


@pytest.mark.parametrize("length", [2_000, 10_000, 900_000])
async def test_a_key_of_any_length_costs_no_neighbour(shop, length):
    """One that no index holds is kept as bytes, for a person to read."""
    answer = await shop.post(f"1:{noise(length)}\n2:created".encode())
    kinds = [row["kind"] for row in await shop.pool.fetch("SELECT kind FROM message ORDER BY id")]
    assert (answer.status_code, len(answer.json()["ids"]), await kept(shop.pool)) == (202, 2, 2)
    assert kinds[1:] == ["shop.order"]
    assert await shop.pool.fetchval("SELECT count(*) FROM exception_case") == kinds.count("shop.unreadable")


async def test_a_key_that_no_index_holds_is_the_same_when_it_comes_again(shop):
    body = f"1:{noise(10_000)}".encode()
    first, second = await shop.post(body), await shop.post(body)
    assert (first.content, await kept(shop.pool)) == (second.content, 1)


@asynccontextmanager
async def hasty(url):
    """A pool whose statements may take a fifth of a second."""
    settings = {"statement_timeout": "200", "lock_timeout": "0"}
    async with asyncpg.create_pool(url, min_size=0, max_size=2, server_settings=settings) as pool:
        yield pool


async def test_a_statement_that_takes_too_long_is_503_and_nothing_is_half_written(pool, database_url):
    async with hasty(database_url) as short, storing(pool, short) as shop:
        async with pool.acquire() as other, other.transaction():
            await other.execute(
                "INSERT INTO idempotency_key (key, message_id, source, body_hash) VALUES ($1, 0, 'uk', '')",
                "shop/uk/2:created",
            )
            late = await shop.post(b"1:created\n2:created\n3:created")
            await other.execute("DELETE FROM idempotency_key")
        assert (late.status_code, late.headers["retry-after"], await kept(pool)) == (503, "5", 0)
        assert reasons(shop) == {"unreachable QueryCanceledError"}
        assert (await shop.post(b"1:created\n2:created\n3:created")).status_code == 202
    assert await kept(pool) == 3


@pytest.fixture
async def few(pool, database_url):
    """The URL of a role that may have one connection."""
    name = f"few_{secrets.token_hex(4)}"
    await pool.execute(f"CREATE ROLE {name} LOGIN CONNECTION LIMIT 1")
    await pool.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {name}")
    await pool.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}")
    yield database_url.replace("sluice@", f"{name}@")
    await pool.execute(f"DROP OWNED BY {name}")
    await pool.execute(f"DROP ROLE {name}")


async def test_a_postgres_without_a_free_connection_is_503_until_there_is_one(pool, few):
    last = await asyncpg.connect(few)
    async with asyncpg.create_pool(few, min_size=0, max_size=2) as short, storing(pool, short) as shop:
        refused = await shop.post(b"1:created")
        await last.close()
        async with asyncio.timeout(20):
            while (taken := await shop.post(b"1:created")).status_code == 503:
                await pool.fetchval("SELECT pg_sleep(0.01)")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert (taken.status_code, await kept(pool)) == (202, 1)


@pytest.fixture
def disk():
    """A folder with room for three megabytes."""
    account = server_account(os.geteuid())
    if account is None or shutil.which("mount") is None:
        pytest.skip("only root can make a disk")
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    options = f"size=3m,mode=700,uid={account.uid},gid={account.gid}"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=False).returncode:
        place.rmdir()
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)
    place.rmdir()


@pytest.fixture
async def make_room(pool, disk):
    """Messages lie on the small disk until this is called."""
    name = f"small_{secrets.token_hex(4)}"
    parts = await pool.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'message'::regclass"
    )

    async def move(target="pg_default"):
        for part in parts:
            await pool.execute(f"ALTER TABLE {part['name']} SET TABLESPACE {target}")

    await pool.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
    await move(name)
    yield move
    await move()
    await pool.execute(f"DROP TABLESPACE {name}")


def reasons(shop):
    return {fields["reason"] for _, fields in shop.log.events if fields["status"] == 503}


async def test_a_full_disk_is_503_nothing_is_half_written_and_room_mends_it(shop, make_room):
    bodies = [f"{n}:{noise(400_000, seed=n)}\n{n}a:created".encode() for n in range(12)]
    answers = [await shop.post(body) for body in bodies]
    full = [body for body, answer in zip(bodies, answers, strict=True) if answer.status_code == 503]
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "5"}
    assert reasons(shop) == {"unreachable DiskFullError"}
    assert await kept(shop.pool) == 2 * (len(bodies) - len(full))
    await make_room()
    assert {(await shop.post(body)).status_code for body in bodies} == {202}
    assert await kept(shop.pool) == 2 * len(bodies)
