"""What only a real socket shows: sizes that lie, bodies that never end, a database that is gone."""

import asyncio
import json
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import httpx
import pytest

from app.db.session import open_pool
from app.flows.keys import check
from app.main import Server, build, configuration, listen
from app.outbox.flush import Flusher
from tests.api.conftest import FORM, make_state, sign

HEAD = f"POST /webhooks/shop/uk HTTP/1.1\r\nHost: gateway\r\nContent-Type: {FORM}\r\n"


@asynccontextmanager
async def served(pool, store, **more):
    """The API on a free port."""
    state, *_ = make_state(pool, store, **more)
    listener = listen("127.0.0.1", 0)
    server = Server(configuration(build(state)), asyncio.Event())
    async with asyncio.TaskGroup() as group:
        group.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True


@asynccontextmanager
async def relay(url):
    """A way to Postgres that can be cut: yields the URL through it, and a function that cuts it for good."""
    host, port = url.split("@")[-1].partition("/")[0].split(":")
    writers = []

    async def carry(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()

    async def join(reader, writer):
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        writers.extend([writer, there_writer])
        await asyncio.gather(carry(reader, there_writer), carry(there_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    place = server.sockets[0].getsockname()[1]

    def cut():
        server.close()
        for writer in writers:
            writer.transport.abort()

    yield url.replace(f"{host}:{port}", f"127.0.0.1:{place}"), cut
    cut()


@asynccontextmanager
async def through_relay(url):
    async with AsyncExitStack() as stack:
        way, cut = await stack.enter_async_context(relay(url))
        pool = await stack.enter_async_context(open_pool(way, size=3))
        flusher = await stack.enter_async_context(Flusher(pool))
        yield await stack.enter_async_context(served(pool, flusher.append)), cut


@pytest.fixture
async def port(pool):
    async with Flusher(pool) as flusher, served(pool, flusher.append) as number:
        yield number


async def talk(port, *parts):
    """Sends raw bytes; answers the status and body of the first response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for part in parts:
        writer.write(part)
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
    body = await reader.readexactly(int(fields["content-length"]))
    writer.close()
    return int(head.split()[1]), fields, body


def chunk(data):
    return b"%x\r\n%b\r\n" % (len(data), data)


async def test_chunks_beyond_the_limit_are_413_problem_json(port):
    chunks = [chunk(bytes(65536))] * 32
    status, fields, body = await talk(
        port, HEAD.encode(), b"Transfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n"
    )
    assert (status, fields["content-type"]) == (413, "application/problem+json")
    assert b'"code": "too_large"' in body


async def test_chunks_within_the_limit_are_stored(port, pool):
    body = b"1:created"
    status, _, _ = await talk(
        port,
        HEAD.encode(),
        f"X-Signature: {sign(body)}\r\nTransfer-Encoding: chunked\r\n\r\n".encode(),
        chunk(body[:4]),
        chunk(body[4:]),
        b"0\r\n\r\n",
    )
    assert status == 202
    assert await pool.fetchval("SELECT count(*) FROM message") == 1


async def test_a_content_length_beyond_the_limit_is_413_before_the_body_has_come(port):
    status, fields, _ = await talk(
        port, HEAD.encode(), b"Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n"
    )
    assert (status, fields["connection"]) == (413, "close")


async def test_a_large_body_that_is_sent_whole_hears_its_413(port):
    body = bytes(3_000_000)
    status, _, _ = await talk(port, HEAD.encode(), b"Content-Length: 3000000\r\n\r\n", body)
    assert status == 413


async def test_a_content_length_that_lies_low_stores_nothing(port, pool):
    body = b"1:created"
    head = f"X-Signature: {sign(body)}\r\nContent-Length: 3\r\n\r\n".encode()
    status, fields, _ = await talk(port, HEAD.encode(), head, body)
    assert (status, fields["content-type"]) == (400, "application/problem+json")
    assert await pool.fetchval("SELECT count(*) FROM message") == 0


async def test_bytes_that_are_no_request_are_400_problem_json(port):
    status, fields, body = await talk(port, b"HELO gateway\r\n\r\n")
    assert (status, fields["content-type"]) == (400, "application/problem+json")
    assert json.loads(body)["code"] == "bad_request"


async def test_a_body_that_never_comes_is_503_at_our_deadline(pool):
    async with Flusher(pool) as flusher, served(pool, flusher.append, seconds=0.05) as port:
        status, fields, _ = await talk(port, HEAD.encode(), b"Content-Length: 10\r\n\r\n1:")
    assert (status, fields["retry-after"]) == (503, "5")


async def test_every_answer_carries_a_request_id_and_no_server_name(port):
    _, fields, _ = await talk(port, b"GET /nowhere HTTP/1.1\r\nHost: gateway\r\n\r\n")
    assert fields["x-request-id"] == "request-1"
    assert "server" not in fields


async def post(port, body):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return await client.post(
            "/webhooks/shop/uk",
            content=body,
            headers={"content-type": FORM, "x-signature": sign(body)},
        )


async def test_without_postgres_a_webhook_is_503_with_retry_after(database_url):
    async with through_relay(database_url) as (port, cut):
        before = await post(port, b"1:created")
        cut()
        after = await post(port, b"2:created")
    assert (before.status_code, after.status_code) == (202, 503)
    assert after.headers["retry-after"] == "5"


async def test_without_postgres_the_internal_api_is_503_problem_json(database_url):
    key = f"slk_live_{'0' * 16}_{'0' * 64}"
    async with through_relay(database_url) as (port, cut):
        cut()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            bearer = {"authorization": f"Bearer {key}_{check(key)}"}
            answer = await client.get("/api/v1/messages", headers=bearer)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["code"] == "unavailable"


async def test_when_postgres_is_back_webhooks_are_stored_again(pool, servers):
    name = await pool.fetchval("SELECT current_database()")
    admin = await asyncpg.connect(servers[0])
    async with Flusher(pool) as flusher, served(pool, flusher.append) as port:
        await post(port, b"1:created")
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        away = await post(port, b"2:created")
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        back = await post(port, b"2:created")
    await admin.close()
    assert (away.status_code, back.status_code) == (503, 202)
