"""What the ERP's books do not show of a SKU: accepted, shipped, despatched; each until the other side has it."""

from dataclasses import replace
from decimal import Decimal

import asyncpg
import pytest

from app.domain.availability import Term
from app.domain.despatch import Note, NoteLine, Parcel
from app.domain.order import Standing
from app.domain.rows import AliasRow
from app.domain.rules import Mappings, index
from app.ledger import outstanding
from app.ledger.notes import NotesSeen
from app.ledger.parcel import ParcelTold
from app.ledger.snapshot import OrderSeen
from tests.ledger.test_ledger import bound, order, remember


def note(number: str, **units: str) -> Note:
    lines = tuple(NoteLine(code, Decimal(count)) for code, count in units.items())
    return Note(number, 7, "2026-11-20", "DPD", "T1", lines)


def seen(*notes: Note) -> NotesSeen:
    return NotesSeen("sage200:main", 7, ("uk", "1"), notes)


async def told(pool: asyncpg.Pool, one: Note) -> None:
    parcel = Parcel(one.number, (("1", 1),), "dpd", "", "T1", "", order().placed_at.date())
    await remember(pool, ParcelTold("uk", "1", one, parcel))


async def units(pool: asyncpg.Pool, term: Term, code: str = "TEE", mappings: Mappings | None = None) -> dict:
    return outstanding.units_of(await outstanding.read(pool, code, mappings or Mappings()), term)


@pytest.mark.parametrize(
    ("standing", "held"), [(Standing.RELEASABLE, 2), (Standing.HELD, 2), (Standing.CANCELLED, None)]
)
async def test_units_are_accepted_until_they_are_in_the_erp_or_cancelled(pool, standing, held) -> None:
    for ref in ("1", "2"):
        await remember(pool, OrderSeen(order(" tee ", ref=ref, standing=standing)))
    assert await units(pool, Term.ACCEPTED) == ({"uk": held} if held else {})
    await remember(pool, bound())
    assert await units(pool, Term.ACCEPTED) == ({"uk": 1} if held else {})


async def test_an_alias_counts_under_the_code_that_it_stands_for_and_no_other(pool) -> None:
    await remember(pool, OrderSeen(order("their tee")), OrderSeen(order("TEE", ref="2")))
    known = index([AliasRow(connection="uk", alias="Their Tee", code="TEE")])
    assert await units(pool, Term.ACCEPTED, "tee", known) == {"uk": 2}
    assert await units(pool, Term.ACCEPTED, "THEIR TEE", known) == {}
    assert await units(pool, Term.ACCEPTED, "THEIR TEE") == {"uk": 1}


async def test_another_connections_alias_is_not_ours(pool) -> None:
    await remember(pool, OrderSeen(order("THEIRS")))
    known = index([AliasRow(connection="us", alias="THEIRS", code="TEE")])
    assert await units(pool, Term.ACCEPTED, "TEE", known) == {}


async def test_a_line_that_vanished_or_was_cancelled_counts_no_more(pool) -> None:
    await remember(pool, OrderSeen(order("TEE", "DRESS")))
    await remember(pool, OrderSeen(replace(order("DRESS", minute=1))))
    assert await units(pool, Term.ACCEPTED) == {}


async def test_shipped_units_count_until_the_erp_confirms_them(pool) -> None:
    insert = "INSERT INTO shipped (connection, ref, shipment, goods) VALUES ('uk', '1', $1, $2)"
    await pool.execute(insert, "1-1", {"TEE": "2", "DRESS": "1"})
    await pool.execute(insert, "1-2", {"TEE": "1.5"})
    assert await units(pool, Term.SHIPPED) == {"uk": Decimal("3.5")}
    await pool.execute("UPDATE shipped SET confirmed_at = now() WHERE shipment = '1-1'")
    assert await units(pool, Term.SHIPPED) == {"uk": Decimal("1.5")}


async def test_despatched_units_count_until_the_channel_is_told(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2"), note("D2", TEE="1")))
    assert await units(pool, Term.DESPATCHED) == {"uk": 3}
    await told(pool, note("D1", TEE="2"))
    assert await units(pool, Term.DESPATCHED) == {"uk": 1}


async def test_a_note_counts_as_it_is_corrected_and_not_when_it_is_gone(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2"), note("D2", TEE="1")))
    await remember(pool, seen(note("D1", DRESS="4")))
    assert await units(pool, Term.DESPATCHED) == {}
    assert await units(pool, Term.DESPATCHED, "DRESS") == {"uk": 4}


async def test_what_was_told_stays_told_whatever_its_note_says_now(pool) -> None:
    await remember(pool, seen(note("D1", TEE="2")))
    await told(pool, note("D1", TEE="2"))
    await remember(pool, seen(note("D1", TEE="5")))
    assert await units(pool, Term.DESPATCHED) == {}
    assert await pool.fetchval("SELECT goods ->> 'TEE' FROM despatch_seen") == "2"


async def test_a_note_that_was_told_before_it_was_kept_is_told(pool) -> None:
    await told(pool, note("D1", TEE="2"))
    await remember(pool, seen(note("D1", TEE="2")))
    assert await units(pool, Term.DESPATCHED) == {}
