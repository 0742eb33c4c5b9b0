"""What we remember of orders: snapshots, lines, documents, cursors, reservations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from app.domain.erp import Document, DocumentStanding
from app.domain.order import Order, Standing
from app.ledger import audit, binding, cursor, find, snapshot
from app.ledger.binding import Bound
from app.ledger.cursor import CursorMoved
from app.ledger.record import record
from app.ledger.snapshot import OrderSeen, content_of, from_json, to_json
from tests.domain.shop import line, make_order

FIRST = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


def order(*skus: str, minute: int = 0, **more: object) -> Order:
    lines = tuple(line(sku, "24.00") for sku in skus or ("TEE",))
    made = make_order(*lines, gross="24.00", tax="4.00", ref=str(more.pop("ref", "1")))
    return replace(made, updated_at=FIRST + timedelta(minutes=minute), **more)


def bound(number: str = "SO7", ref: str = "1") -> Bound:
    money = (Decimal("20.00"), Decimal("4.00"), Decimal("24.00"))
    document = Document(7, number, f"CEN-{ref}", f"CEN-{ref}", DocumentStanding.LIVE, *money)
    return Bound("uk", ref, "sage200:main", f"CEN-{ref}", document, b"digest", adopted=False)


async def remember(pool: asyncpg.Pool, *facts: object) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await record(conn, facts)


async def known(pool: asyncpg.Pool) -> Order:
    return (await snapshot.read(pool, "uk", ["1"]))["1"].order


async def test_order_comes_back_as_it_was(pool: asyncpg.Pool) -> None:
    seen = order("TEE", "Drëss 🧥", payment_method="card", account="77", wholesale=True)
    await remember(pool, OrderSeen(seen))
    assert await known(pool) == seen


def test_snapshot_spells_money_as_text() -> None:
    stored = to_json(order())
    assert stored["totals"] == {"gross": "24.00", "tax": "4.00"}
    assert from_json(stored) == order()


@pytest.mark.parametrize(("arrives", "kept"), [((0, 5), 5), ((5, 0), 5), ((0, 0), 0)])
async def test_newest_version_is_kept_in_whatever_order_they_come(pool: asyncpg.Pool, arrives, kept) -> None:
    for minute in arrives:
        await remember(pool, OrderSeen(order(minute=minute)))
    assert (await known(pool)).updated_at == FIRST + timedelta(minutes=kept)


async def test_two_versions_in_one_settlement_leave_the_newer(pool: asyncpg.Pool) -> None:
    await remember(pool, OrderSeen(order("DRESS", minute=5)), OrderSeen(order("TEE", minute=1)))
    assert (await known(pool)).skus() == ("DRESS",)


@pytest.mark.parametrize(
    "change",
    [
        {"standing": Standing.HELD, "hold_reason": "FRAUD"},
        {"channel_status": "SHIPPED"},
        {"payment_method": "card"},
        {"updated_at": FIRST + timedelta(days=1)},
        {"discount": Decimal("0.000")},
    ],
)
def test_what_sage_is_not_told_does_not_change_the_content(change) -> None:
    assert content_of(replace(order(), **change)) == content_of(order())


@pytest.mark.parametrize(
    "change",
    [
        {"country": "DE"},
        {"discount": Decimal("0.01")},
        {"currency": "EUR"},
        {"purchase_order": "PO-1"},
        {"lines": ()},
    ],
)
def test_what_sage_is_told_changes_the_content(change) -> None:
    assert content_of(replace(order(), **change)) != content_of(order())


async def test_line_that_vanished_keeps_its_row_with_nothing_ordered(pool: asyncpg.Pool) -> None:
    await remember(pool, OrderSeen(order("TEE", "DRESS")))
    await remember(pool, OrderSeen(order("TEE", minute=1)))
    rows = await pool.fetch("SELECT sku, ordered, cancelled FROM order_line ORDER BY sku")
    assert [tuple(row) for row in rows] == [("DRESS", 0, 1), ("TEE", 1, 0)]


async def test_late_older_read_leaves_the_lines_alone(pool: asyncpg.Pool) -> None:
    await remember(pool, OrderSeen(order("TEE", minute=5)))
    await remember(pool, OrderSeen(order("TEE", "DRESS", minute=1)))
    assert await pool.fetchval("SELECT count(*) FROM order_line") == 1


async def test_first_document_of_an_order_stands(pool: asyncpg.Pool) -> None:
    await remember(pool, bound("SO7"))
    await remember(pool, bound("SO8"))
    assert (await binding.read(pool, "uk", ["1"]))["1"].document_no == "SO7"


async def test_documents_belong_to_their_connection(pool: asyncpg.Pool) -> None:
    await remember(pool, bound())
    assert await binding.read(pool, "eu", ["1"]) == {}


async def test_cursor_starts_empty_and_moves(pool: asyncpg.Pool) -> None:
    assert (await cursor.read(pool, "uk", "events")).cursor == {}
    await remember(pool, CursorMoved("uk", "events", {"id": 7}, FIRST))
    assert (await cursor.read(pool, "uk", "events")).cursor == {"id": 7}
    assert (await cursor.read(pool, "uk", "orders")).cursor == {}


@pytest.mark.parametrize("name", ["1", "uk/1", "CEN-1", "cen-1", "SO7"])
async def test_order_is_found_by_any_of_its_names(pool: asyncpg.Pool, name) -> None:
    await remember(pool, OrderSeen(order()), bound())
    assert await find.names(pool, name, {"uk": "CEN", "eu": "EUR"}) == [("uk", "1")]


async def test_order_that_nobody_knows_is_not_found(pool: asyncpg.Pool) -> None:
    assert await find.names(pool, "2", {"uk": "CEN"}) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"]
)
async def test_audit_cannot_be_rewritten(pool: asyncpg.Pool, statement) -> None:
    async with pool.acquire() as conn:
        await audit.note(conn, "ann", "exceptions.retry", "7", reason="mended", messages=[1])
        with pytest.raises(asyncpg.PostgresError):
            await conn.execute(statement)
    row = await pool.fetchrow("SELECT actor, detail FROM audit")
    assert tuple(row) == ("ann", {"messages": [1]})
