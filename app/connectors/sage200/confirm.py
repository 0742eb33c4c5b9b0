"""Goods that a channel shipped, confirmed as despatched (sage200.md 9.3, 10.3). A repeat would despatch again."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError

from app.connectors.sage200.classify import message
from app.connectors.sage200.client import PAGE, Client, LastCheck
from app.connectors.sage200.despatches import Despatches
from app.connectors.sage200.lookups import Finder, Kind
from app.connectors.sage200.mapping import misfit, standing
from app.connectors.sage200.odata import equals
from app.connectors.sage200.payloads import Amount, Record, Sent, Text60, Text256, Wire, read
from app.connectors.sage200.phrasebook import Phrasebook, refusal
from app.connectors.sage200.replies import Reply
from app.domain.erp import DocumentStanding
from app.domain.errors import InDoubtError, PermanentError, SluiceError
from app.domain.lanes import normalise
from app.domain.progress import Despatch, LineProgress, Progress
from app.domain.refusals import Cause

CONFIRM = "sop_confirm_despatch"
STANDARD = frozenset({"enumlinetypestandard", "0"})


class CourierRow(Record):
    name: str


COURIERS = Kind("couriers", "name", CourierRow, "id,name", normalise, lambda row: row.name)


class LineRow(Record):
    line_type: str = ""
    code: str = ""
    line_quantity: Decimal = Decimal(0)
    despatch_receipt_quantity: Decimal = Decimal(0)


class OrderRow(Record):
    document_no: str = ""
    document_status: str = ""
    lines: tuple[LineRow, ...] = ()


class ReadyItem(Record):
    available_quantity: Decimal = Decimal(0)


class ReadyRow(Wire):
    """An order that can be despatched; its items are those of which something is allocated."""

    sop_order_return_id: int
    items: tuple[ReadyItem, ...] = ()


class ItemSent(Sent):
    id: int
    quantity: Amount


class TrackingSent(Sent):
    sop_order_return_id: int
    courier_id: int | None = None
    consignment_no: Text60 | None = None
    notes: Annotated[Text256, Field(min_length=1)]


class DespatchSent(Sent):
    sop_order_return_id: int
    despatch_receipt_date: str | None = None
    items: tuple[ItemSent, ...] = Field(min_length=1)
    tracking_items: tuple[TrackingSent, ...]


class Confirm:
    def __init__(
        self, client: Client, book: Phrasebook, despatches: Despatches, couriers: Finder[CourierRow]
    ) -> None:
        self._client = client
        self._book = book
        self._despatches = despatches
        self._couriers = couriers

    async def progress(self, document_id: int) -> Progress | None:
        """Always read anew: a user may have changed anything of it a moment ago."""
        raw = await self._client.single(f"sop_orders/{document_id}", {"expand": "lines"})
        if raw is None:
            return None
        order = read(OrderRow, [raw])[0]
        live = standing(order.document_status) is DocumentStanding.LIVE
        ready = await self._ready(order) if live else {}
        notes = (await self._despatches.notes([document_id]))[document_id]
        goods = [line for line in order.lines if line.line_type.lower() in STANDARD]
        return Progress(order.document_no, live, tuple(_line(line, ready) for line in goods), notes)

    async def _ready(self, order: OrderRow) -> Mapping[int, Decimal]:
        """Line -> what is allocated of it: `allocated_quantity` may go on counting what was despatched."""
        wanted: dict[str, str | int] = {"filter": equals("document_no", order.document_no), "top": PAGE}
        rows = read(ReadyRow, await self._client.page(CONFIRM, wanted))
        items = [item for row in rows if row.sop_order_return_id == order.id for item in row.items]
        return {item.id: item.available_quantity for item in items}

    async def confirm(self, despatch: Despatch, last_check: LastCheck) -> None:
        body = _body(despatch, await self._courier(despatch.courier) if despatch.courier else None)
        answer = await self._client.create(CONFIRM, body, last_check)
        if isinstance(answer, Reply):
            raise await self._refused(despatch, answer)

    async def _courier(self, name: str) -> int:
        found = (await self._couriers.find([name])).get(normalise(name), ())
        if len(found) != 1:
            raise PermanentError("E-SAGE-CODE", f"Sage has {len(found)} couriers called {name}: it needs one")
        return found[0].id

    async def _refused(self, despatch: Despatch, reply: Reply) -> SluiceError:
        """A text that nobody knows decides nothing: whether something left in spite of it is looked up."""
        text = message(reply.body)
        why = await self._book.means(reply)
        if why in {Cause.UNKNOWN, Cause.PASSING}:
            await self._nothing_left(despatch, f"Sage refused with {reply.status} ({text})")
        return refusal(why, reply, text)

    async def _nothing_left(self, despatch: Despatch, told: str) -> None:
        """Raises InDoubtError unless the lines stand as they stood."""
        try:
            now = await self.progress(despatch.document_id)
        except SluiceError as error:
            raise InDoubtError(f"{told} and could not be asked what it did: {error}") from error
        gone = {line.id: line.despatched for line in now.lines} if now else {}
        if any(gone.get(item.line, item.despatched) != item.despatched for item in despatch.items):
            raise InDoubtError(f"{told} and yet despatched something of order {despatch.document_id}")


def _line(line: LineRow, ready: Mapping[int, Decimal]) -> LineProgress:
    free = ready.get(line.id, Decimal(0))
    return LineProgress(
        line.id, normalise(line.code), line.line_quantity, line.despatch_receipt_quantity, free
    )


def _body(despatch: Despatch, courier: int | None) -> dict[str, Any]:
    """Raises PermanentError E-FIELD-LENGTH naming what does not fit."""
    try:
        sent = DespatchSent(
            sop_order_return_id=despatch.document_id,
            despatch_receipt_date=f"{despatch.day.isoformat()}T00:00:00Z" if despatch.day else None,
            items=tuple(ItemSent(id=item.line, quantity=item.quantity) for item in despatch.items),
            tracking_items=(
                TrackingSent(
                    sop_order_return_id=despatch.document_id,
                    courier_id=courier,
                    consignment_no=despatch.consignment or None,
                    notes=despatch.mark,
                ),
            ),
        )
    except ValidationError as error:
        raise misfit("despatch", error) from error
    return sent.model_dump(exclude_none=True)
