"""A person mends a cause; what waited on it goes again, once, in the order in which it came."""

import asyncio

import pytest

from app.domain.errors import PermanentError
from app.domain.rows import TABLES, AliasRow, CustomerRow
from app.flows.release import release
from app.flows.remap import remap, replace_table
from app.flows.replay import replay
from app.mappings.refusal import RefusedError
from tests.domain.shop import ROWS
from tests.flows.stage import SHOP, Stage, order_of

EUROS = [CustomerRow(connection="uk", currency="USD", reference="WEBEUR")]


async def case_ids(stage: Stage) -> list[int]:
    rows = await stage.pool.fetch("SELECT id FROM exception_case WHERE closed_at IS NULL ORDER BY id")
    return [row["id"] for row in rows]


async def alias(stage: Stage, spelling: str, code: str = "TEE") -> tuple[int, ...]:
    row = AliasRow(connection="uk", alias=spelling, code=code)
    done = await remap(stage.pool, "sku_aliases", [row], actor="ann", reason="new spelling")
    return done.messages


async def refused(stage: Stage, *refs: str) -> None:
    """Parked by the ERP's own refusal: no mapping would mend it."""
    stage.books.script = [PermanentError("E-SAGE-INVALID", "account on stop")] * len(refs)
    await stage.accept(*(order_of(ref, "SHOES") for ref in refs))


async def test_fifty_presses_at_once_are_one_effect(stage: Stage) -> None:
    await refused(stage, "1")
    ids = await case_ids(stage)
    done = await asyncio.gather(*(release(stage.pool, ids, actor="ann", reason="mended") for _ in range(50)))
    await stage.drain()
    assert (sum(one.messages for one in done), stage.sent()) == (1, ["CEN-1"])


async def test_release_closes_its_case_and_is_in_the_audit(stage: Stage) -> None:
    await refused(stage, "1")
    await release(stage.pool, await case_ids(stage), actor="key:ann", reason="account freed")
    row = await stage.pool.fetchrow("SELECT actor, action, reason FROM audit ORDER BY id DESC LIMIT 1")
    assert tuple(row) == ("key:ann", "exceptions.retry", "account freed")
    assert await case_ids(stage) == []


async def test_what_is_still_wrong_parks_again(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    await stage.retry_all()
    assert (await stage.cases(), stage.sent()) == (["E-SKU-UNKNOWN"], [])


async def test_released_orders_go_in_the_order_in_which_they_came(stage: Stage) -> None:
    await refused(stage, "5", "3", "9")
    await stage.retry_all()
    assert stage.sent() == ["CEN-5", "CEN-3", "CEN-9"]


async def test_flag_is_acknowledged_and_nothing_is_sent_again(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    await stage.pool.execute(
        """
        INSERT INTO exception_case (message_id, source, order_ref, flag, code, owner, violations, needs)
        SELECT id, 'uk', '1', true, 'E-TOTAL-MISMATCH', 'finance', '[]', '{}' FROM message WHERE cls = 'effect'
        """
    )
    await stage.retry_all()
    assert (await case_ids(stage), stage.sent()) == ([], ["CEN-1"])


async def test_parked_notice_is_read_again(stage: Stage) -> None:
    stage.shop.fails = [PermanentError("E-PERMISSION", "Order:read")]
    await stage.accept(order_of("1"))
    assert await stage.cases() == ["E-PERMISSION"]
    await stage.retry_all()
    assert stage.sent() == ["CEN-1"]


async def test_new_alias_releases_all_that_waited_in_order_and_only_those(stage: Stage) -> None:
    await stage.accept(*(order_of(str(n), "GHOST") for n in range(7)))
    await stage.accept(order_of("9", "TEE", currency="USD"))
    released = await alias(stage, "GHOST")
    await stage.drain()
    assert stage.sent() == [f"CEN-{n}" for n in range(7)]
    assert (len(released), await stage.cases()) == (7, ["E-CCY-UNMAPPED"])


async def test_order_that_needs_two_rows_waits_for_both(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST", "PHANTOM"))
    await alias(stage, "GHOST")
    await stage.drain()
    assert stage.sent() == []
    await alias(stage, "PHANTOM", "DRESS")
    await stage.drain()
    assert stage.sent() == ["CEN-1"]


async def test_released_order_stands_in_the_lane_of_its_new_code(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    await stage.tell(order_of("2", "TEE"))
    await stage.turn(SHOP)
    await alias(stage, "GHOST")
    assert await stage.ends() == {"place 1": "waiting", "place 2": "ready"}


async def test_row_that_changes_nothing_releases_nothing(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    same = [AliasRow(connection="uk", alias="old-tee", code="TEE")]
    done = await remap(stage.pool, "sku_aliases", same, actor="ann", reason="again")
    assert done.messages == ()


async def test_refused_rows_write_and_release_nothing(stage: Stage) -> None:
    await stage.accept(order_of("1", "GHOST"))
    twice = [AliasRow(connection="uk", alias="GHOST", code=code) for code in ("TEE", "DRESS")]
    with pytest.raises(RefusedError):
        await remap(stage.pool, "sku_aliases", twice, actor="ann", reason="oops")
    assert await stage.ends() == {"place 1": "parked"}


async def test_deleted_mapping_posts_nothing_by_accident(stage: Stage) -> None:
    for table in ("posting_rules", "tax_codes", "customers", "warehouses", "required_fields"):
        await replace_table(stage.pool, table, [], actor="ann", reason="by mistake")
    await stage.accept(order_of("1"))
    assert stage.sent() == []
    codes = set(await stage.cases())
    assert {"E-CUST-UNMAPPED", "E-REQFIELD"} <= codes
    for table, rows in ROWS.items():
        valid = [TABLES[table].model_validate(row) for row in rows]
        await replace_table(stage.pool, table, valid, actor="ann", reason="put back")
    await stage.drain()
    assert stage.sent() == ["CEN-1"]


async def test_replay_of_a_done_effect_finds_its_document(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    ids = [row["id"] for row in await stage.pool.fetch("SELECT id FROM message ORDER BY id")]
    done = await replay(stage.pool, ids, actor="ann", reason="to be sure")
    await stage.drain()
    assert (done.messages, stage.sent()) == (tuple(ids), ["CEN-1"])
    assert await stage.ends() == {"place 1": "no_effect"}


async def test_replay_after_the_ledger_was_lost_adopts(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    await stage.pool.execute("DELETE FROM binding")
    await replay(stage.pool, [2], actor="ann", reason="restored")
    await stage.drain()
    assert await stage.pool.fetchval("SELECT adopted FROM binding")
    assert stage.sent() == ["CEN-1"]


async def test_fifty_replays_at_once_are_one(stage: Stage) -> None:
    await stage.accept(order_of("1"))
    done = await asyncio.gather(
        *(replay(stage.pool, [1, 2], actor="ann", reason="again") for _ in range(50)), return_exceptions=True
    )
    await stage.drain()
    assert [one for one in done if isinstance(one, BaseException)] == []
    assert (sum(len(one.messages) for one in done), stage.sent()) == (2, ["CEN-1"])
