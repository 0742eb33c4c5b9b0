"""The API as a process: it starts, tells whether it is ready, stops when told and loses nothing it accepted."""

import asyncio
import hashlib
import hmac
import os
import signal
import socket
import time
from contextlib import asynccontextmanager
from ipaddress import ip_network

import httpx
import pytest

from app.main import minting, open_state, serve
from app.settings import load
from tests.api.conftest import FORM

BODY = b"payload=%7B%22events%22%3A%5B%7B%22type%22%3A%22order%22%2C%22action%22%3A%22insert%22%2C%22date%22%3A%222026-03-02+09%3A14%3A07.118204%22%2C%22id%22%3A20417%7D%5D%7D"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def settings(database_url, redis_url):
    return load(
        {
            "SLUICE_DATABASE_URL": database_url,
            "SLUICE_REDIS_URL": redis_url,
            "SLUICE_HTTP_PORT": str(free_port()),
            "SLUICE_METRICS_PORT": str(free_port()),
            "SLUICE_CENTRA__UK__BASE_URL": "http://127.0.0.1:9/graphql",
            "SLUICE_CENTRA__UK__TOKEN": "token",
            "SLUICE_CENTRA__UK__PREFIX": "CEN",
            "SLUICE_CENTRA__UK__WEBHOOK_SECRETS": '["shop-secret"]',
        }
    )


async def until_up(client):
    while True:
        try:
            return await client.get("/openapi.json")
        except httpx.ConnectError:
            await asyncio.sleep(0)


@asynccontextmanager
async def running(settings, *, told=True):
    """`serve` until SIGTERM, as a supervisor would send it; without `told` the test sends it."""
    url = f"http://127.0.0.1:{settings.http_port}"
    async with httpx.AsyncClient(base_url=url) as client, asyncio.TaskGroup() as group:
        group.create_task(serve(settings))
        await until_up(client)
        yield client
        if told:
            os.kill(os.getpid(), signal.SIGTERM)


def centra(secret=b"shop-secret"):
    seconds = b"%d" % time.time()
    mac = hmac.new(secret, seconds + b"." + BODY, hashlib.sha256).hexdigest()
    return {"content-type": FORM, "x-centra-signature": f"t={seconds.decode()},v1={mac}"}


async def test_a_centra_webhook_is_stored_and_rings_through_the_whole_process(settings, pool):
    async with running(settings) as client:
        answer = await client.post("/webhooks/centra/uk", content=BODY, headers=centra())
    row = await pool.fetchrow("SELECT id, kind, order_ref FROM message")
    assert (answer.status_code, answer.json()["ids"]) == (202, [row["id"]])
    assert (row["kind"], row["order_ref"]) == ("centra.order", "20417")


async def test_sigterm_ends_it_in_order(settings):
    async with running(settings) as client:
        before = await client.get("/problems/internal")
    with pytest.raises(httpx.ConnectError):
        async with httpx.AsyncClient() as late:
            await late.get(str(client.base_url))
    assert before.status_code == 200


async def begin(settings, length):
    """A delivery whose body has not all come yet."""
    headers = {**centra(), "host": "gateway", "content-length": str(length)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.http_port)
    writer.write(f"POST /webhooks/centra/uk HTTP/1.1\r\n{head}\r\n".encode())
    writer.write(BODY[:20])
    return reader, writer


async def test_what_is_under_way_at_sigterm_is_still_stored_while_readiness_says_no(settings, pool):
    async with running(settings, told=False) as client:
        reader, writer = await begin(settings, len(BODY))
        await client.get("/problems/internal")  # the delivery's head was read before this one's
        os.kill(os.getpid(), signal.SIGTERM)
        while await readiness(settings) == 200:
            pass
        writer.write(BODY[20:])
        status = await reader.readline()
        writer.close()
    assert status.split()[1] == b"202"
    assert await pool.fetchval("SELECT count(*) FROM message") == 1


async def test_its_metrics_count_what_came(settings):
    async with running(settings) as client, httpx.AsyncClient() as other:
        await client.post("/webhooks/centra/uk", content=BODY, headers=centra())
        await client.post("/webhooks/centra/uk", content=BODY, headers=centra(b"wrong"))
        metrics = (await other.get(f"http://127.0.0.1:{settings.metrics_port}/metrics")).text
    assert 'sluice_webhooks_total{result="accepted",source="uk"} 1.0' in metrics
    assert 'sluice_webhooks_total{result="bad_signature",source="uk"} 1.0' in metrics
    assert 'sluice_webhooks_total{result="duplicate",source="uk"} 0.0' in metrics


async def test_the_networks_are_held_against_what_a_trusted_proxy_says(settings):
    given = settings.model_copy(update={"webhook_networks": (ip_network("198.51.100.0/24"),)})
    proxied = {name: {**centra(), "x-forwarded-for": name} for name in ("198.51.100.7", "192.0.2.1")}
    async with running(given) as client:
        answers = {
            name: (await client.post("/webhooks/centra/uk", content=BODY, headers=headers)).status_code
            for name, headers in {**proxied, "direct": centra()}.items()
        }
    assert answers == {"198.51.100.7": 202, "192.0.2.1": 403, "direct": 403}


async def test_metrics_are_not_on_the_public_port(settings):
    async with running(settings) as client:
        answers = [(await client.get(path)).status_code for path in ("/metrics", "/readyz", "/livez")]
    assert answers == [404, 404, 404]


async def readiness(settings):
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{settings.metrics_port}/readyz")).status_code


async def test_it_is_ready_with_postgres_and_without_redis(settings):
    alone = settings.model_copy(update={"redis_url": type(settings.redis_url)("redis://127.0.0.1:9/0")})
    async with open_state(alone):
        assert await readiness(alone) == 200


async def test_it_is_not_ready_without_postgres(settings):
    async with open_state(settings) as running_state:
        await running_state.state.pool.close()
        assert await readiness(settings) == 503


def test_request_ids_differ_within_and_between_processes():
    one, two = minting(), minting()
    assert len({one(), one(), two(), two()}) == 4
