"""What history says of each call, and that it says it before the caller hears anything."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.sandbox.conftest import Running
from tests.sandbox.sage200.conftest import BASE, Sage, open_sage
from tests.sandbox.sage200.test_broken_calls import LOST, answering, rows_of, start

HOLDING, ORDER = "sage200.warehouse_holding", "sage200.sop_order"


async def last_row(sage: Sage) -> dict:
    return (await sage.sandbox.history())[-1]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{BASE}/products", 200),
        ("GET", f"{BASE}/products?$top=5001", 400),
        ("GET", f"{BASE}/products/5", 404),
        ("GET", f"{BASE}/nowhere", 404),
        ("PATCH", f"{BASE}/sop_orders/5", 404),
        ("POST", f"{BASE}/sop_orders", 400),
        ("PUT", f"{BASE}/sop_orders/5", 400),
        ("DELETE", f"{BASE}/sop_orders/5", 404),
        ("POST", "/sage200/oauth/token", 400),
        ("GET", "/sage200/oauth/token", 405),
        ("GET", "/sage200/elsewhere", 404),
    ],
)
async def test_every_call_has_one_row_refused_or_not(sage: Sage, method: str, path: str, status: int):
    before = await sage.sandbox.history()
    answer = await sage.sandbox.client.request(method, path, headers=sage.headers)
    assert answer.status_code == status
    (row,) = (await sage.sandbox.history())[len(before) :]
    assert (row["method"], row["status"], row["changed"]) == (method, status, [])
    assert row["path"] == path.partition("?")[0]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}])
async def test_stranger_has_a_row_too(sage: Sage, headers: dict):
    await sage.sandbox.client.post(f"{BASE}/sop_orders", headers=headers)
    row = await last_row(sage)
    assert (row["status"], row["changed"]) == (401, [])


async def test_changed_tells_the_order_and_the_stock_it_took(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 2, 10, to_allocate_quantity=2)))
    changed = {one["entity"]: one for one in (await last_row(sage))["changed"]}
    assert set(changed) == {HOLDING, ORDER}
    assert (changed[ORDER]["id"], changed[ORDER]["before"]) == (str(order["id"]), None)
    held = [changed[HOLDING][when]["quantity_allocated_sop"] for when in ("before", "after")]
    assert [float(quantity) for quantity in held] == [0, 2]


async def test_changed_tells_what_a_put_and_a_delete_did(sage: Sage):
    path = f"sop_orders/{(await sage.enter(sage.order()))['id']}"
    await sage.call("PUT", path, {"order_priority": "B"})
    (put,) = (await last_row(sage))["changed"]
    assert [put[when].get("order_priority") for when in ("before", "after")] == [None, "B"]
    await sage.call("DELETE", path)
    (gone,) = (await last_row(sage))["changed"]
    assert (gone["before"]["order_priority"], gone["after"]) == ("B", None)


async def test_failing_line_of_a_put_leaves_those_before_it_in_history(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0), sage.line(1)))
    path = f"sop_orders/{order['id']}"
    first, second = (await sage.get(path, expand="lines"))["lines"]
    lines = [{"id": first["id"], "line_quantity": 5}, {"id": second["id"], "line_quantity": 0}]
    assert (await sage.call("PUT", path, {"lines": lines})).status_code == 400
    row = await last_row(sage)
    assert (row["status"], [float(one["line_quantity"]) for one in row["changed"][0]["after"]["lines"]]) == (
        400,
        [5, 1],
    )


async def late_by_fault(sage: Sage) -> None:
    await sage.sandbox.faults({"kind": "late_commit", "seconds": 0.6, "times": 1})


async def late_by_switch(sage: Sage) -> None:
    await sage.sandbox.switch(sage200__late_commit_seconds=0.6)


@pytest.mark.parametrize("make_late", [late_by_fault, late_by_switch])
async def test_late_commit_is_invisible_until_it_commits_and_stamped_before(
    listening_sage: Sage, make_late: Callable[[Sage], Awaitable[None]]
):
    """Whoever polled in between saw nothing, and asks next for what is newer than that."""
    sage = listening_sage
    await make_late(sage)
    unseen: list[datetime] = []
    writing = asyncio.create_task(sage.enter(sage.order(customer_document_no="LATE")))
    while not await sage.get("sop_orders", filter="customer_document_no eq 'LATE'"):
        unseen.append(sage.sandbox.world.clock.now())
    order = await writing
    assert len(unseen) > 1
    assert datetime.fromisoformat(order["date_time_updated"]) < unseen[-1]


async def test_dropped_call_commits_within_the_servers_time(listening_sage: Sage):
    sage = listening_sage
    await sage.sandbox.switch(server_timeout_seconds=90)
    await sage.sandbox.client.post("/_sandbox/clock", json={"scale": 300})
    await sage.sandbox.faults(
        {"kind": "drop_then_commit", "path": "/sop_orders", "method": "POST", "times": 1}
    )
    asked = sage.sandbox.world.clock.now()
    with pytest.raises(LOST):
        await sage.call("POST", "sop_orders", sage.order())
    assert await rows_of(sage) == []
    await sage.sandbox.world.tasks.settle()
    assert await rows_of(sage) == [("drop_then_commit", 200, 1)]
    row = next(row for row in await sage.sandbox.history() if row["fault"])
    # Five seconds of real time at this scale would be 25 minutes: the slack is for a busy machine.
    assert (datetime.fromisoformat(row["at"]) - asked).total_seconds() < 90 + 600


@pytest.mark.parametrize("kind", ["status_504", "status_503", "status_500_html", "status_401", "status_429"])
async def test_refusing_fault_did_nothing_at_all(sage: Sage, kind: str):
    stock = await sage.get("warehouse_holdings")
    await sage.sandbox.faults({"kind": kind, "path": "/sop_orders", "method": "POST", "times": 1})
    answer = await sage.call("POST", "sop_orders", sage.order(sage.line(0, 1, to_allocate_quantity=1)))
    row = await last_row(sage)
    assert (row["status"], row["fault"], row["changed"]) == (answer.status_code, kind, [])
    assert await sage.get("sop_orders") == []
    assert await sage.get("warehouse_holdings") == stock


async def test_answer_is_heard_only_of_what_outlives_a_kill(tmp_path: Path):
    """Everything that was answered, dropped or refused before SIGKILL is in history after it, word for word."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = await start(tmp_path, port)
    async with httpx.AsyncClient(base_url=url) as client:
        await answering(url)
        sage = await open_sage(Running(url, None, client))
        order = await sage.enter(sage.order(customer_document_no="KEPT"))
        await sage.refused(sage.order(customer_id=1))
        lock = (await sage.get(f"sop_orders/{order['id']}", expand="is_to_lock"))["lock_id"]
        told = await sage.sandbox.history()
        await sage.sandbox.faults({"kind": "commit_then_drop", "method": "POST", "path": "/sop_orders"})
        with pytest.raises(LOST):
            await sage.call("POST", "sop_orders", sage.order(customer_document_no="UNHEARD"))
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    process = await start(tmp_path, port)
    try:
        async with httpx.AsyncClient(base_url=url) as client:
            await answering(url)
            sage.sandbox.client = client
            rows = await sage.sandbox.history()
            assert rows[: len(told)] == told
            assert [(row["key"], row["fault"]) for row in rows[len(told) :]] == [
                ("UNHEARD", "commit_then_drop")
            ]
            assert len(await sage.get("sop_orders")) == 2
            put = await sage.call("PUT", f"sop_orders/{order['id']}", {"lock_id": lock})
            assert put.status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
