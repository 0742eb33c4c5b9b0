"""Notes and what was told of them: early, corrected, reversed, unsure."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from app.domain.channel import Begin, Shipment
from app.domain.despatch import Note, NoteLine
from app.domain.errors import (
    DestinationError,
    InDoubtError,
    PermanentError,
    SnoozeError,
    TransientError,
)
from app.domain.message import Draft, MessageClass
from app.domain.rows import CarrierRow
from app.flows.accept import Word, accept
from app.flows.aim import Aim
from app.flows.release import release
from app.mappings.write import put
from tests.domain.shop import line, make_order
from tests.flows.stage import BOOKS, SHOP, Stage, order_of


@dataclass
class Yard:
    """A channel that is told of despatches, and an ERP whose notes are made up. `fails`: what becomes of each telling, in
    turn, after it was begun.
    """

    stage: Stage
    notes: dict[int, tuple[Note, ...]] = field(default_factory=dict)
    told: list[Shipment] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)
    stamps: int = 0
    reads: int = 0
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def ship(self, shipment: Shipment, begin: Begin) -> bool:
        if shipment.again and any(units < shipment.ordered[ref] for ref, units in shipment.parcel.lines):
            raise InDoubtError("a part")
        await begin()
        if self.fails:
            raise self.fails.pop(0)
        self.told.append(shipment)
        return True

    async def read(self, ids: Sequence[int]) -> Mapping[int, tuple[Note, ...]]:
        found = {id_: self.notes.get(id_, ()) for id_ in ids}
        self.reads += 1
        if self.meanwhile and self.reads == 2:
            await self.meanwhile()
        return found

    def note(self, number: str, units: int = 1, **changes: str) -> Note:
        day = self.stage.clock().date().isoformat()
        plain = Note(number, 1001, day, "DPD", f"T{number}", (NoteLine("TEE", Decimal(units)),))
        return replace(plain, **changes)

    async def despatch(self, *notes: Note, key: str = "CEN-1") -> None:
        """These are the notes of the document now, and the ERP's list tells of it."""
        await self.tell_of(*notes, key=key)
        await self.drain()

    async def tell_of(self, *notes: Note, key: str = "CEN-1") -> None:
        self.notes[1001] = notes
        self.stamps += 1
        body = {"document_id": 1001, "note": "", "key": key}
        name = f"sage200/main/despatch/1001/{self.stamps}"
        draft = Draft("sage200.despatch", MessageClass.NOTICE, BOOKS, "main", key=name, body=body)
        await self.stage.append(draft)

    async def drain(self) -> None:
        await self.stage.drain(SHOP, BOOKS)

    def lines(self) -> list[int]:
        return [units for one in self.told for _, units in one.parcel.lines]


@pytest.fixture
async def yard(stage: Stage) -> Yard:
    made = Yard(stage)
    channel = replace(stage.ctx.channels[SHOP], ship=made.ship)
    erp = replace(stage.ctx.erp, notes=made.read)
    made.stage = replace(stage, ctx=replace(stage.ctx, channels={SHOP: channel}, erp=erp))
    row = CarrierRow(connection="*", courier="DPD", carrier="dpd")
    async with stage.pool.acquire() as conn, conn.transaction():
        await put(conn, "carriers", [row], actor="tests", reason="a yard")
    return made


async def test_a_note_is_told_once_however_often_it_is_listed(yard):
    await yard.stage.accept(order_of("1", "TEE"))
    for _ in range(3):
        await yard.despatch(yard.note("1"))
    assert (yard.lines(), await yard.stage.cases()) == ([1], [])


async def test_a_note_that_is_read_before_its_order_is_bound_is_not_forgotten(yard):
    await yard.despatch(yard.note("1"))
    assert yard.told == []
    await yard.stage.accept(order_of("1", "TEE"))
    yard.stage.later(61)
    await yard.drain()
    assert yard.lines() == [1]


async def test_a_note_whose_order_nobody_knows_is_seen_by_a_person_in_the_end(yard):
    await yard.despatch(yard.note("1"))
    for _ in range(26):
        yard.stage.later(3600)
        await yard.drain()
    assert await yard.stage.cases() == ["E-RETRIES-EXHAUSTED"]


async def test_other_peoples_documents_are_none_of_ours(yard):
    await yard.despatch(yard.note("1"), key="PHONED")
    assert [ended for ended, _ in await yard.stage.notices()] == ["no_effect"]


@pytest.mark.requirement("R-49")
async def test_what_was_told_counts_whatever_becomes_of_its_note(yard):
    """Reversed in the ERP and despatched anew: the channel would be told of the same unit twice."""
    await yard.stage.accept(order_of("1", "TEE"))
    await yard.despatch(yard.note("1"))
    await yard.despatch(yard.note("2"))
    assert yard.lines() == [1]
    assert sorted(await yard.stage.cases()) == ["E-NOTE-CHANGED", "E-QTY"]


async def test_a_note_that_is_corrected_after_it_was_told_is_flagged_and_not_told_again(yard):
    await yard.stage.accept(order_of("1", "TEE"))
    await yard.despatch(yard.note("1"))
    await yard.despatch(yard.note("1", consignment="T9"))
    assert (yard.lines(), await yard.stage.cases()) == ([1], ["E-NOTE-CHANGED"])


async def test_a_note_that_is_corrected_while_it_is_looked_at_goes_by_itself(yard):
    await yard.stage.accept(order_of("1", "TEE"))

    async def correct() -> None:
        await yard.tell_of(yard.note("1"))
        await yard.stage.turn(BOOKS)

    yard.meanwhile = correct
    await yard.despatch(yard.note("1", consignment=""))
    yard.stage.later(3)
    await yard.drain()
    assert (yard.lines(), await yard.stage.cases()) == ([1], [])


@pytest.mark.parametrize("error", [DestinationError("429"), TransientError("cut off")])
async def test_a_part_that_was_surely_not_told_is_told_again_and_another_is_not(yard, error):
    await yard.stage.accept(make_order(line("TEE", "48.00", quantity=2), gross="48.00", tax="8.00", ref="1"))
    yard.fails = [error]
    await yard.despatch(yard.note("1"))
    for _ in range(4):
        yard.stage.later(60)
        await yard.drain()
    sure = isinstance(error, DestinationError)
    assert (yard.lines(), await yard.stage.cases()) == (([1], []) if sure else ([], ["E-SHIP-UNSURE"]))
    if not sure:
        await yard.stage.retry_all()
        await yard.drain()
        assert (yard.lines(), await yard.stage.cases()) == ([1], [])


async def test_a_despatch_that_is_let_go_again_holds_no_sku(yard):
    await yard.stage.accept(order_of("1", "TEE"))
    await yard.despatch(yard.note("1", consignment=""))
    row = await yard.stage.pool.fetchrow("SELECT id FROM exception_case WHERE closed_at IS NULL")
    await release(yard.stage.pool, [row["id"]], actor="ann", reason="again")
    lanes = await yard.stage.pool.fetchval("SELECT lanes FROM message_state WHERE kind = 'centra.ship'")
    assert lanes == []


async def untold(yard) -> list[str]:
    rows = await yard.stage.pool.fetch("SELECT note FROM despatch_seen WHERE told_at IS NULL ORDER BY note")
    return [row["note"] for row in rows]


async def test_a_despatch_is_kept_as_untold_until_the_channel_has_it(yard):
    await yard.stage.accept(make_order(line("TEE", "48.00", quantity=2), gross="48.00", tax="8.00", ref="1"))
    await yard.despatch(yard.note("1"), yard.note("2", consignment=""))
    assert (yard.lines(), await untold(yard)) == ([1], ["2"])
    await yard.despatch(yard.note("1"), yard.note("2"))
    assert (yard.lines(), await untold(yard)) == ([1, 1], [])


async def test_a_note_that_is_gone_leaves_nothing_to_tell(yard):
    await yard.stage.accept(order_of("1", "TEE"))
    await yard.despatch(yard.note("1", consignment=""))
    assert await untold(yard) == ["1"]
    yard.notes[1001] = ()
    await yard.stage.retry_all()
    await yard.drain()
    assert await untold(yard) == []


async def test_what_a_person_told_by_hand_is_told(yard):
    await yard.stage.accept(order_of("1", "TEE"))
    await yard.despatch(yard.note("1", consignment=""))
    case = await yard.stage.pool.fetchval("SELECT id FROM exception_case WHERE closed_at IS NULL")
    await accept(yard.stage.pool, Aim(case=case), Word("ann", "told them on the phone"))
    assert (await untold(yard), await yard.stage.cases()) == ([], [])


@pytest.mark.requirement("R-53")
@pytest.mark.parametrize(
    ("error", "stands"),
    [
        (PermanentError("E-CAPTURE-FAILED", "declined"), ("parked", "E-CAPTURE-FAILED")),
        (SnoozeError("not answered yet", 600.0), ("ready", "not answered yet")),
        (TransientError("cut off"), ("ready", "cut off")),
    ],
)
async def test_what_befalls_one_despatch_after_it_was_begun_befalls_no_other_and_not_itself_again(
    yard, error, stands
):
    await yard.stage.accept(order_of("1", "TEE"), order_of("2", "TEE"))
    for document, number in ((1001, "1"), (1002, "2")):
        yard.notes[document] = (replace(yard.note(number), document_id=document),)
        body = {"document_id": document, "note": "", "key": f"CEN-{number}"}
        notice = Draft(
            "sage200.despatch", MessageClass.NOTICE, BOOKS, "main", key=f"note/{number}", body=body
        )
        await yard.stage.append(notice)
    yard.fails = [error]
    await yard.stage.turn(BOOKS)
    assert await yard.stage.turn(SHOP) == 2
    assert [one.ref for one in yard.told] == ["2"]
    row = await yard.stage.pool.fetchrow("SELECT state, note, attempts FROM message_state")
    assert (row["state"], row["note"]) == stands
    assert await yard.stage.pool.fetchval("SELECT count(*) FROM attempt WHERE error LIKE 'defect%'") == 0
