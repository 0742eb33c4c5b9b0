"""Despatch notes: what is new, and all of an order (sage200.md 9.3, 13). One view tells both; notes carry no order id."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from app.connectors.sage200.client import Client
from app.connectors.sage200.odata import any_of, equals
from app.connectors.sage200.payloads import Wire, read
from app.connectors.sage200.settings import Sage200Settings
from app.domain.channel import Page
from app.domain.despatch import Note, NoteLine
from app.domain.errors import DestinationError
from app.domain.lanes import normalise
from app.domain.message import Draft, MessageClass

VIEW = "sop_order_despatch_line_views"
RECEIPTS = "sop_despatch_receipts"
ORDERS_OF = "sop_order_despatch_views"
PAGE = 500
OVERLAP = timedelta(minutes=5)
"""Stamps are given before a commit is seen: what was stamped a moment ago may still appear (RC-06)."""
FIRST = timedelta(days=3)


class DespatchLineRow(Wire):
    """A row of `sop_order_despatch_line_views`; the note's own fields are repeated on each (sage200.md 9.3)."""

    sop_despatch_line_id: int = 0
    sop_despatch_id: int = 0
    sop_despatch_document_no: str = ""
    sop_despatch_date: str = ""
    sop_despatch_courier_name: str = ""
    sop_despatch_consignment_no: str = ""
    sop_despatch_notes: str = ""
    sop_despatch_line_quantity: Decimal = Decimal(0)
    sop_order_id: int
    sop_order_customer_document_no: str = ""
    product_code: str = ""
    date_time_updated: str = ""


class DespatchRow(Wire):
    sop_despatch_document_no: str
    sop_order_id: int
    sop_order_customer_document_no: str = ""


class ReceiptRow(Wire):
    """A row of `sop_despatch_receipts`: it tells no order."""

    id: int
    despatch_no: str
    date_time_updated: str = ""


@dataclass(slots=True)
class _Draft:
    courier: str = ""
    consignment: str = ""
    day: str = ""
    remark: str = ""
    document: int = 0
    codes: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))


class Despatches:
    def __init__(self, client: Client, settings: Sage200Settings, connection: str) -> None:
        self._client = client
        self._settings = settings
        self._connection = connection

    async def notes(self, document_ids: Sequence[int]) -> Mapping[int, tuple[Note, ...]]:
        """Every id has an entry; notes by number."""
        rows: list[DespatchLineRow] = []
        terms = (equals("sop_order_id", id_) for id_ in document_ids)
        for wanted in any_of(terms, self._settings.filter_terms):
            rows += read(DespatchLineRow, await self._all(wanted))
        return {id_: _notes(id_, rows) for id_ in document_ids}

    async def _all(self, wanted: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        while True:
            options: dict[str, str | int] = {
                "filter": wanted,
                "orderby": "sop_despatch_line_id",
                "top": PAGE,
                "skip": len(found),
            }
            page = await self._client.page(VIEW, options)
            found += page
            if len(page) < PAGE:
                return found

    async def lines(self, cursor: dict[str, Any], now: datetime) -> Page:
        """Notes by the last change of one of their lines."""
        step = _Step(cursor, now)
        page = await self._client.page(VIEW, step.options("sop_despatch_line_id"))
        rows = read(DespatchLineRow, page)
        newest = {(row.sop_despatch_id, row.sop_order_id): row for row in rows}
        drafts = [
            self._draft(
                (row.sop_order_id, row.sop_despatch_document_no, row.sop_order_customer_document_no),
                row.date_time_updated,
            )
            for row in newest.values()
        ]
        return step.page(drafts, [row.date_time_updated for row in rows])

    async def receipts(self, cursor: dict[str, Any], now: datetime) -> Page:
        """Notes whose tracking was corrected: their lines need not move with it (sage200.md 9.3)."""
        step = _Step(cursor, now)
        rows = read(ReceiptRow, await self._client.page(RECEIPTS, step.options("id")))
        stamps = {row.despatch_no: row.date_time_updated for row in rows}
        drafts = [self._draft(place, stamps[place[1]]) for place in await self._orders_of(stamps)]
        return step.page(drafts, [row.date_time_updated for row in rows])

    async def _orders_of(self, numbers: Iterable[str]) -> list[tuple[int, str, str]]:
        """(order, note, the order's own reference): a receipt does not tell whose it is."""
        found: list[tuple[int, str, str]] = []
        terms = (equals("sop_despatch_document_no", number) for number in numbers)
        for wanted in any_of(terms, self._settings.filter_terms):
            options: dict[str, str | int] = {
                "filter": wanted,
                "top": PAGE,
                "orderby": "sop_despatch_id",
                "skip": 0,
            }
            rows = read(DespatchRow, await self._client.page(ORDERS_OF, options))
            found += [
                (row.sop_order_id, row.sop_despatch_document_no, row.sop_order_customer_document_no)
                for row in rows
            ]
        return list(dict.fromkeys(found))

    def _draft(self, place: tuple[int, str, str], stamp: str) -> Draft:
        document_id, note, key = place
        return Draft(
            kind="sage200.despatch",
            cls=MessageClass.NOTICE,
            destination=f"sage200:{self._connection}",
            source=self._connection,
            key=f"sage200/{self._connection}/despatch/{document_id}/{note}/{stamp}",
            body={"document_id": document_id, "note": note, "key": key.strip()},
        )


class _Step:
    """One page of a walk by time of change. cursor: `since`, the newest change of all finished walks; `at` and `skip`,
    where an unfinished one goes on.
    """

    def __init__(self, cursor: dict[str, Any], now: datetime) -> None:
        self._now = now
        self._since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else now - FIRST
        self._at = datetime.fromisoformat(cursor["at"]) if "at" in cursor else self._since - OVERLAP
        self._skip = int(cursor.get("skip", 0))

    def options(self, id_: str) -> dict[str, str | int]:
        stamp = self._at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        wanted = f"date_time_updated ge {stamp}"
        return {
            "filter": wanted,
            "orderby": f"date_time_updated,{id_}",
            "top": PAGE,
            "skip": self._skip,
        }

    def page(self, drafts: Sequence[Draft], stamps: Sequence[str]) -> Page:
        newest = max([self._since, *map(_moment, stamps)])
        if len(stamps) < PAGE:
            return Page(tuple(drafts), {"since": min(newest, self._now).isoformat()}, horizon=self._now)
        # The moment of the last row, cut to what a filter can say, may hold rows that were not given yet.
        onward = _moment(stamps[-1]).replace(microsecond=0)
        skip = 0 if onward > self._at else self._skip + PAGE
        step = {"since": self._since.isoformat(), "at": max(onward, self._at).isoformat(), "skip": skip}
        return Page(tuple(drafts), step, more=True, horizon=onward)


def _notes(document_id: int, rows: Sequence[DespatchLineRow]) -> tuple[Note, ...]:
    drafts: defaultdict[str, _Draft] = defaultdict(_Draft)
    for row in rows:
        # Charges and free text stand on a note too; they are no goods.
        if row.sop_order_id == document_id and row.product_code:
            note = drafts[row.sop_despatch_document_no]
            note.courier, note.consignment = row.sop_despatch_courier_name, row.sop_despatch_consignment_no
            note.day, note.remark = row.sop_despatch_date, row.sop_despatch_notes
            note.codes[normalise(row.product_code)] += row.sop_despatch_line_quantity
    return tuple(
        Note(
            number,
            document_id,
            note.day,
            note.courier,
            note.consignment,
            tuple(NoteLine(code, quantity) for code, quantity in note.codes.items()),
            note.remark,
        )
        for number, note in sorted(drafts.items())
    )


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise DestinationError("date_time_updated is no date") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
