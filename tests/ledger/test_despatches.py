"""What one side shipped and the other does not know yet: where it is, and why it waits."""

from datetime import timedelta

import pytest

from app.domain.message import Draft, MessageClass, Owner, Violation
from app.ledger import despatches
from app.outbox.append import append
from app.outbox.cases import Case, open_cases
from tests.ledger.test_ledger import bound, remember
from tests.ledger.test_outstanding import note, seen, told

WRONG = Violation("E-QTY", "quantity", "9", "correct the note", Owner.OPERATIONS)


def ship(name: str, **more) -> Draft:
    given = {"kind": "centra.ship", "destination": "centra:uk", "key": f"centra/ship/uk/1/{name}"}
    return effect(**{**given, "body": {"note": name}, **more})


def confirm(name: str, **more) -> Draft:
    given = {"kind": "sage200.despatch.confirm", "destination": "sage200:main"}
    return effect(**{**given, "key": f"sage200/despatch/uk/1/{name}", "body": {"shipment": name}, **more})


def effect(**given) -> Draft:
    return Draft(cls=MessageClass.EFFECT, source="uk", order_ref="1", **given)


def notice() -> Draft:
    return Draft("centra.order", MessageClass.NOTICE, "centra:uk", "uk", key="notice/1", order_ref="1")


async def put(pool, *drafts: Draft) -> list[int]:
    async with pool.acquire() as conn, conn.transaction():
        return [one.message_id for one in await append(conn, drafts)]


async def shipped(pool, *names: str) -> None:
    for name in names:
        await pool.execute(
            "INSERT INTO shipped (connection, ref, shipment, goods) VALUES ('uk', '1', $1, $2)",
            name,
            {"TEE": "1"},
        )


async def test_each_side_says_where_a_despatch_is_and_where_it_is_not(pool) -> None:
    await remember(pool, bound("SO7"), seen(note("D1", TEE="2")))
    await put(pool, notice(), ship("D1"), confirm("S1"))
    await shipped(pool, "S1")
    rows = {row.name: row for row in await despatches.pending(pool)}
    assert rows["D1"].where == "shipped in Sage200, not yet in Centra"
    assert rows["S1"].where == "shipped in Centra, not yet in Sage200"
    assert {row.document_no for row in rows.values()} == {"SO7"}
    assert (rows["D1"].goods, rows["S1"].goods) == ({"TEE": "2"}, {"TEE": "1"})
    counts = {one.direction: one.despatches for one in await despatches.backlog(pool)}
    assert counts == {"to_channel": 1, "to_erp": 1}


async def test_what_both_sides_have_is_not_listed(pool) -> None:
    await remember(pool, bound("SO7"), seen(note("D1", TEE="2")))
    await shipped(pool, "S1")
    await told(pool, note("D1", TEE="2"))
    await pool.execute("UPDATE shipped SET confirmed_at = now()")
    assert await despatches.pending(pool) == []
    assert {(one.despatches, one.oldest_at) for one in await despatches.backlog(pool)} == {(0, None)}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("state = 'ready'", "ready"),
        ("state = 'leased'", "working"),
        ("state = 'in_doubt'", "in_doubt"),
        ("state = 'waiting', due_at = 'infinity'", "behind"),
        ("state = 'ready', due_at = now() + interval '1 h', note = 'HTTP 502'", "waiting"),
        ("state = 'ready', due_at = now() + interval '1 h', locked_since = now()", "locked"),
    ],
)
async def test_it_says_why_it_waits(pool, change, why) -> None:
    await remember(pool, seen(note("D1", TEE="2")))
    (number,) = await put(pool, ship("D1"))
    await pool.execute(f"UPDATE message_state SET {change} WHERE id = $1", number)
    (row,) = await despatches.pending(pool)
    assert (row.why, row.message_id) == (why, number)
    assert (row.due_at is not None) == (why in {"waiting", "locked"})


async def test_a_destination_that_rests_is_the_reason(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2")))
    await put(pool, ship("D1"))
    await pool.execute(
        "INSERT INTO destination (name, resume_at) VALUES ('centra:uk', now() + interval '1 h')"
    )
    assert [row.why for row in await despatches.pending(pool)] == ["destination"]


async def test_a_parked_one_leads_to_its_exception(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2"), note("D2", TEE="1")))
    await put(pool, ship("D1", park=WRONG), ship("D2", park=WRONG))
    cases = {row["message_id"]: row["id"] for row in await pool.fetch("SELECT * FROM exception_case")}
    rows = await despatches.pending(pool)
    assert [(row.why, row.code, row.exception_id) for row in rows] == [
        ("parked", "E-QTY", cases[row.message_id]) for row in rows
    ]


async def test_one_that_waits_behind_leads_to_the_exception_of_its_order(pool) -> None:
    await shipped(pool, "S1")
    await put(pool, effect(kind="sage200.sales_order.place", destination="sage200:main", key="p", park=WRONG))
    (number,) = await put(pool, confirm("S1"))
    await pool.execute(
        "UPDATE message_state SET state = 'waiting', due_at = 'infinity' WHERE id = $1", number
    )
    (row,) = await despatches.pending(pool)
    assert (row.why, row.code) == ("behind", "E-QTY")


async def test_a_flag_of_its_order_is_not_why_it_waits(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2")))
    (number,) = await put(pool, ship("D1"))
    async with pool.acquire() as conn, conn.transaction():
        await open_cases(conn, [Case(None, "uk", "1", (WRONG,), flag=True)])
    await pool.execute(
        "UPDATE message_state SET state = 'waiting', due_at = 'infinity' WHERE id = $1", number
    )
    (row,) = await despatches.pending(pool)
    assert row.exception_id is None


async def test_pages_go_on_where_they_ended_and_one_order_can_be_asked_for(pool) -> None:
    await shipped(pool, *(f"S{place}" for place in range(5)))
    await pool.execute("UPDATE shipped SET seen_at = $1", (await pool.fetchval("SELECT now()")))
    found, after = [], despatches.FIRST
    while rows := await despatches.pending(pool, after=after, limit=2):
        found += [row.name for row in rows]
        after = rows[-1].place
    assert found == [f"S{place}" for place in range(5)]
    assert len(await despatches.pending(pool, order=("uk", "1"))) == 5
    assert await despatches.pending(pool, order=("uk", "2")) == []


async def test_the_oldest_come_first(pool) -> None:
    await shipped(pool, "S1", "S2")
    at = await pool.fetchval("SELECT now()")
    await pool.execute("UPDATE shipped SET seen_at = $1 WHERE shipment = 'S2'", at - timedelta(hours=2))
    assert [row.name for row in await despatches.pending(pool)] == ["S2", "S1"]
    oldest = next(one for one in await despatches.backlog(pool) if one.direction == "to_erp")
    assert oldest.oldest_at == at - timedelta(hours=2)
