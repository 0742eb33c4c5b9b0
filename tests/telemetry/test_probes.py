import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from prometheus_client import CollectorRegistry

from app.telemetry.catalogue import make_metrics
from app.telemetry.probes import Ready, serve_probes
from app.telemetry.words import Role


async def yes() -> bool:
    return True


async def no() -> bool:
    return False


async def broken() -> bool:
    raise ConnectionError


@asynccontextmanager
async def probes(ready: Ready = yes) -> AsyncIterator[httpx.AsyncClient]:
    registry = CollectorRegistry()
    make_metrics(registry, Role.API).wakes_lost_total.inc(3)
    async with (
        serve_probes(registry, ready, "127.0.0.1", 0) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client


async def test_metrics_are_text_of_this_registry() -> None:
    async with probes() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "sluice_wakes_lost_total 3.0" in answer.text


async def test_metrics_speak_openmetrics_when_asked() -> None:
    async with probes() as client:
        answer = await client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize(("ready", "status"), [(yes, 200), (no, 503), (broken, 503)])
async def test_readiness_is_the_callables_answer(ready: Ready, status: int) -> None:
    async with probes(ready) as client:
        assert (await client.get("/readyz")).status_code == status


async def test_process_lives_while_it_is_not_ready() -> None:
    async with probes(broken) as client:
        assert (await client.get("/livez")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("POST", "/metrics", 405), ("HEAD", "/livez", 200)]
)
async def test_nothing_else_is_served(method: str, path: str, status: int) -> None:
    async with probes() as client:
        assert (await client.request(method, path)).status_code == status


async def test_nonsense_closes_the_connection_and_the_next_is_served() -> None:
    async with probes() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"\x16\x03nonsense\r\n\r\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert (await client.get("/livez")).status_code == 200


async def test_head_without_end_is_cut_off() -> None:
    async with probes() as client:
        reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
        writer.write(b"GET /metrics HTTP/1.1\r\n" + b"a: b\r\n" * 20_000)
        assert await reader.read() == b""
        writer.close()


async def test_port_is_free_afterwards() -> None:
    async with probes() as client:
        port = client.base_url.port
    async with serve_probes(CollectorRegistry(), yes, "127.0.0.1", port) as again:
        assert again == port
