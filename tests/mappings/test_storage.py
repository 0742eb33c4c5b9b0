from collections.abc import AsyncIterator
from decimal import Decimal

import asyncpg
import pytest

from app.domain.rows import AliasRow, CustomerRow, TaxRow
from app.mappings.read import load, read_table, refresh
from app.mappings.refusal import RefusedError
from app.mappings.write import apply, compare, put

GBP = CustomerRow(connection="uk", currency="GBP", reference="WEBGBP")
EUR = CustomerRow(connection="uk", currency="EUR", reference="WEBEUR")
BY = {"actor": "finance", "reason": "first set"}


@pytest.fixture
async def conn(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection, connection.transaction():
        yield connection


async def test_applied_rows_are_loaded_with_a_new_version(pool):
    async with pool.acquire() as conn, conn.transaction():
        change = await apply(conn, "customers", (GBP, EUR), **BY)
    mappings = await load(pool)
    assert mappings.find_customer("uk", "1", "EUR", "") == EUR
    assert (change.version, len(change.difference.added), mappings.version != "") == (1, 2, True)


async def test_empty_tables_load_as_nothing(pool):
    mappings = await load(pool)
    assert (mappings.version, await refresh(pool, mappings)) == ("", mappings)


async def test_comparison_tells_added_changed_removed_and_equal_and_writes_nothing(conn):
    usd = CustomerRow(connection="uk", currency="USD", reference="WEBUSD")
    other = EUR.model_copy(update={"reference": "EUSALES"})
    await apply(conn, "customers", (GBP, EUR), **BY)
    difference = await compare(conn, "customers", (other, usd))
    assert await read_table(conn, "customers") == (EUR, GBP)
    assert difference.added == (usd,)
    assert difference.changed == ((EUR, other),)
    assert (difference.removed, difference.equal) == ((GBP,), ())


async def test_applying_a_table_removes_what_it_lacks(conn):
    await apply(conn, "customers", (GBP, EUR), **BY)
    await apply(conn, "customers", (GBP,), **BY)
    assert await read_table(conn, "customers") == (GBP,)


async def test_putting_a_row_keeps_the_others(conn):
    other = EUR.model_copy(update={"reference": "EUSALES"})
    await apply(conn, "customers", (GBP, EUR), **BY)
    change = await put(conn, "customers", (other,), **BY)
    assert await read_table(conn, "customers") == (other, GBP)
    assert (change.version, change.difference.equal) == (2, (GBP,))


async def test_a_row_that_says_the_same_in_other_digits_is_equal(conn):
    row = TaxRow(ship_from="GB", ship_to="UK", rate=Decimal(20), code="1")
    await apply(conn, "tax_codes", (row,), **BY)
    change = await apply(conn, "tax_codes", (replace_rate(row, "20.00"),), **BY)
    assert (change.version, change.difference.equal) == (None, (row,))


def replace_rate(row: TaxRow, rate: str) -> TaxRow:
    return row.model_copy(update={"rate": Decimal(rate)})


async def test_refresh_reads_again_only_after_a_change(conn):
    await apply(conn, "customers", (GBP, EUR), **BY)
    first = await load(conn)
    assert await refresh(conn, first) is first
    await apply(conn, "customers", (EUR,), **BY)
    second = await refresh(conn, first)
    await put(conn, "customers", (GBP.model_copy(update={"reference": "OTHER"}),), **BY)
    third = await refresh(conn, second)
    assert second.find_customer("uk", "1", "GBP", "") is None
    assert len({first.version, second.version, third.version}) == 3


async def test_rows_that_clash_with_stored_ones_are_refused_and_nothing_changes(conn):
    row = TaxRow(ship_from="GB", ship_to="UK", rate=Decimal(20), code="1")
    dated = TaxRow(ship_from="GB", ship_to="UK", rate=Decimal(20), code="3", valid_from="2027-01-01")
    await apply(conn, "tax_codes", (row,), **BY)
    with pytest.raises(RefusedError):
        await put(conn, "tax_codes", (dated,), **BY)
    assert await read_table(conn, "tax_codes") == (row,)


async def test_rows_of_another_table_are_refused(conn):
    with pytest.raises(RefusedError):
        await apply(conn, "customers", (AliasRow(alias="a", code="b"),), **BY)


async def test_stored_row_that_is_none_any_more_fails_the_whole_load(conn):
    await apply(conn, "customers", (GBP,), **BY)
    await conn.execute("UPDATE mapping_row SET row = row - 'reference'")
    with pytest.raises(RefusedError, match="reference"):
        await load(conn)


async def test_writer_is_kept_with_the_row(conn):
    await apply(conn, "customers", (GBP,), **BY)
    record = await conn.fetchrow("SELECT changed_by, version, row_key FROM mapping_row")
    assert tuple(record) == ("finance", 1, "uk|*|GBP|")


async def test_only_rows_that_change_get_the_new_version(conn):
    await apply(conn, "customers", (GBP, EUR), **BY)
    await apply(conn, "customers", (GBP, EUR.model_copy(update={"reference": "EUSALES"})), **BY)
    records = await conn.fetch("SELECT row_key, version FROM mapping_row ORDER BY row_key")
    assert [tuple(record) for record in records] == [("uk|*|EUR|", 2), ("uk|*|GBP|", 1)]


def test_version_takes_no_part_in_what_a_row_says():
    assert replace_rate(
        TaxRow(ship_from="GB", ship_to="UK", rate=Decimal(20), code="1"), "20.0"
    ).key.endswith("|20|")


async def test_change_outside_a_transaction_is_impossible(pool):
    async with pool.acquire() as connection:
        with pytest.raises(asyncpg.NoActiveSQLTransactionError):
            await apply(connection, "customers", (GBP,), **BY)
    assert (await load(pool)).version == ""
