"""Despatches that one side lacks, and what the ERP's books do not show of a SKU, over HTTP."""

import csv
import io

import pytest

from app.domain.rows import AliasRow
from app.ledger.snapshot import OrderSeen
from app.mappings.write import put as write
from tests.api.test_orders import order
from tests.ledger.test_despatches import WRONG, put, ship, shipped
from tests.ledger.test_ledger import bound, remember
from tests.ledger.test_outstanding import note, seen


async def ask(shop, path):
    return await shop.client.get(f"/api/v1/{path}", headers=await shop.key("messages:read"))


@pytest.fixture
async def backlog(shop):
    await remember(shop.pool, bound("SO7"), seen(note("D1", TEE="2")))
    await put(shop.pool, ship("D1", park=WRONG))
    await shipped(shop.pool, "=S1", "S2")
    return shop


@pytest.mark.requirement("R-52")
async def test_the_backlog_is_listed_with_its_age_and_its_reason(backlog):
    answer = (await ask(backlog, "despatches?state=pending")).json()
    assert {one["direction"]: one["despatches"] for one in answer["backlog"]} == {
        "to_channel": 1,
        "to_erp": 2,
    }
    assert all(one["oldest_at"] for one in answer["backlog"])
    (first, *_) = answer["items"]
    assert (first["name"], first["document_no"], first["why"], first["code"]) == (
        "D1",
        "SO7",
        "parked",
        "E-QTY",
    )


async def test_the_backlog_has_pages(backlog):
    headers, found, path = await backlog.key("messages:read"), [], "/api/v1/despatches?limit=1"
    while path:
        answer = await backlog.client.get(path, headers=headers)
        found += [one["name"] for one in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url")
    assert found == ["D1", "=S1", "S2"]


async def test_another_lists_cursor_is_refused(backlog):
    answer = await ask(backlog, "despatches?cursor=bm90aGluZw==")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")
    assert (await ask(backlog, "despatches?state=lost")).status_code == 422


@pytest.mark.requirement("R-52")
async def test_the_whole_backlog_is_a_sheet_that_no_spreadsheet_takes_for_formulas(backlog):
    answer = await ask(backlog, "despatches.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert answer.headers["content-type"].startswith("text/csv")
    assert [(row["name"], row["goods"]) for row in rows] == [
        ("D1", "2 x TEE"),
        ("'=S1", "1 x TEE"),
        ("S2", "1 x TEE"),
    ]


@pytest.mark.requirement("R-57")
async def test_stock_tells_which_terms_and_which_orders_make_the_figure(backlog):
    async with backlog.pool.acquire() as conn, conn.transaction():
        row = AliasRow(connection="uk", alias="A-1", code="TEE")
        await write(conn, "sku_aliases", [row], actor="tests", reason="theirs")
    await remember(backlog.pool, OrderSeen(order("77")))
    answer = (await ask(backlog, "stock/tee")).json()
    assert answer["sku"] == "TEE"
    assert answer["connections"] == [{"connection": "uk", "accepted": "2", "shipped": "2", "despatched": "2"}]
    told = {(one["term"], one["ref"], one["name"], one["units"]) for one in answer["orders"]}
    assert told == {
        ("accepted", "77", "", "2"),
        ("despatched", "1", "D1", "2"),
        ("shipped", "1", "=S1", "1"),
        ("shipped", "1", "S2", "1"),
    }


async def test_a_sku_that_nothing_is_outstanding_of_has_no_terms(shop):
    assert (await ask(shop, "stock/GHOST/1")).json() == {"sku": "GHOST/1", "connections": [], "orders": []}


async def test_an_order_says_that_its_despatch_is_not_known_everywhere(backlog):
    (told,) = (await ask(backlog, "orders/uk/1")).json()["orders"]
    story = {(one["system"], one["what"], one["text"]) for one in told["timeline"]}
    assert ("sage200:main", "despatched", "D1, not yet in the channel") in story
    assert ("sluice", "shipped", "S2 in the channel, not yet in the ERP") in story
