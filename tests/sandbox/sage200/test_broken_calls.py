"""Faults around a POST: what the caller sees and what Sage has afterwards."""

import asyncio
import os
import signal
import socket
import sys
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.sandbox.conftest import Running
from tests.sandbox.sage200.conftest import Sage, open_sage

ROOT = Path(__file__).resolve().parents[3]
LOST = (httpx.RemoteProtocolError, httpx.ReadError)


async def post_under(sage: Sage, **rule) -> httpx.Response:
    await sage.sandbox.faults({"method": "POST", "path": "/sop_orders", "times": 1, **rule})
    return await sage.call("POST", "sop_orders", sage.order())


async def rows_of(sage: Sage) -> list[tuple[str, int, int]]:
    rows = [
        row
        for row in await sage.sandbox.history()
        if row["path"].endswith("/sop_orders") and row["method"] == "POST"
    ]
    return [(row["fault"], row["status"], len(row["changed"])) for row in rows]


@pytest.mark.parametrize(
    ("kind", "row", "orders"),
    [
        ("drop", ("drop", 0, 0), 0),
        ("reset", ("reset", 0, 0), 0),
        ("commit_then_drop", ("commit_then_drop", 200, 1), 1),
    ],
)
async def test_lost_answer(listening_sage: Sage, kind: str, row: tuple, orders: int):
    with pytest.raises(LOST):
        await post_under(listening_sage, kind=kind)
    assert await rows_of(listening_sage) == [row]
    assert len(await listening_sage.get("sop_orders")) == orders


async def test_drop_then_commit_commits_only_afterwards(listening_sage: Sage):
    with pytest.raises(LOST):
        await post_under(listening_sage, kind="drop_then_commit", seconds=0.2)
    before = await rows_of(listening_sage)
    await listening_sage.sandbox.world.tasks.settle()
    assert before == []
    assert await rows_of(listening_sage) == [("drop_then_commit", 200, 1)]
    assert len(await listening_sage.get("sop_orders")) == 1


@pytest.mark.parametrize(("kind", "orders"), [("status_504", 0), ("commit_then_504", 1), ("status_401", 0)])
async def test_wrong_answer(sage: Sage, kind: str, orders: int):
    answer = await post_under(sage, kind=kind)
    assert answer.status_code == (401 if kind == "status_401" else 504)
    assert len(await sage.get("sop_orders")) == orders


async def test_late_commit_is_visible_long_after_its_stamp(sage: Sage):
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 1000})
    order = (await post_under(sage, kind="late_commit", seconds=30)).json()
    row = next(row for row in await sage.sandbox.history() if row["fault"])
    visible = datetime.fromisoformat(row["at"]) - datetime.fromisoformat(order["date_time_updated"])
    assert visible.total_seconds() >= 30


async def test_every_write_can_be_late(sage: Sage):
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 1000})
    await sage.sandbox.switch(sage200__late_commit_seconds=30)
    order = await sage.enter(sage.order())
    row = (await sage.sandbox.history())[-1]
    visible = datetime.fromisoformat(row["at"]) - datetime.fromisoformat(order["date_time_updated"])
    assert visible.total_seconds() >= 30


async def start(data: Path, port: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "app.sandbox",
        "--port",
        str(port),
        "--data",
        str(data),
        "--seed",
        "7",
        cwd=ROOT,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


async def answering(url: str) -> None:
    """The transport waits longer each time: it is up within a second or two."""
    async with httpx.AsyncClient(base_url=url, transport=httpx.AsyncHTTPTransport(retries=6)) as client:
        await client.get("/_sandbox/health")


async def test_killed_sandbox_forgets_nothing(tmp_path: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = await start(tmp_path, port)
    async with httpx.AsyncClient(base_url=url) as client:
        await answering(url)
        sage = await open_sage(Running(url, None, client))
        orders = [await sage.enter(sage.order(customer_document_no=f"WEB-{n}")) for n in range(5)]
        process.send_signal(signal.SIGKILL)
        await process.wait()
    process = await start(tmp_path, port)
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            await answering(url)
            sage.sandbox.client = client
            assert [row["id"] for row in await sage.get("sop_orders")] == [order["id"] for order in orders]
            assert len(await rows_of(sage)) == 5
            assert (await sage.enter(sage.order()))["document_no"] == "0000000006"
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
