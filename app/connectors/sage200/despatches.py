"""Despatch notes: what is new, and all of an order (sage200.md 9.3, 13). One view tells both; notes carry no order id."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from app.connectors.sage200.client import Client
from app.connectors.sage200.odata import any_of, equals
from app.connectors.sage200.payloads import DespatchLineRow, read
from app.connectors.sage200.settings import Sage200Settings
from app.domain.channel import Page
from app.domain.despatch import Note, NoteLine
from app.domain.errors import DestinationError
from app.domain.lanes import normalise
from app.domain.message import Draft, MessageClass

VIEW = "sop_order_despatch_line_views"
PAGE = 500
OVERLAP = timedelta(minutes=5)
"""Stamps are given before a commit is seen: what was stamped a moment ago may still appear (RC-06)."""
FIRST = timedelta(days=3)


@dataclass(slots=True)
class _Draft:
    courier: str = ""
    consignment: str = ""
    day: str = ""
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

    async def changed(self, cursor: dict[str, Any], now: datetime) -> Page:
        """Notes by the moment of their last change. cursor: `since`, the newest change of all finished walks; `at` and
        `skip`, where an unfinished one goes on.
        """
        since = datetime.fromisoformat(cursor["since"]) if "since" in cursor else now - FIRST
        at = datetime.fromisoformat(cursor["at"]) if "at" in cursor else since - OVERLAP
        skip = int(cursor.get("skip", 0))
        stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        options: dict[str, str | int] = {
            "filter": f"date_time_updated ge {stamp}",
            "orderby": "date_time_updated asc,sop_despatch_line_id asc",
            "top": PAGE,
            "skip": skip,
        }
        page = await self._client.page(VIEW, options)
        rows = read(DespatchLineRow, page)
        newest = max([since, *(_moment(row.date_time_updated) for row in rows)])
        drafts = tuple(self._draft(row) for row in _newest_of_each(rows))
        if len(page) < PAGE:
            return Page(drafts, {"since": min(newest, now).isoformat()}, horizon=now)
        # The moment of the last row, cut to what a filter can say, may hold rows that were not given yet.
        onward = _moment(rows[-1].date_time_updated).replace(microsecond=0)
        step = {
            "since": since.isoformat(),
            "at": max(onward, at).isoformat(),
            "skip": 0 if onward > at else skip + PAGE,
        }
        return Page(drafts, step, more=True, horizon=onward)

    def _draft(self, row: DespatchLineRow) -> Draft:
        destination = f"sage200:{self._connection}"
        return Draft(
            kind="sage200.despatch",
            cls=MessageClass.NOTICE,
            destination=destination,
            source=self._connection,
            key=f"sage200/{self._connection}/despatch/{row.sop_despatch_id}/{row.sop_order_id}/{row.date_time_updated}",
            body={"document_id": row.sop_order_id, "note": row.sop_despatch_document_no},
        )


def _newest_of_each(rows: Sequence[DespatchLineRow]) -> list[DespatchLineRow]:
    """One row a note and order, in the order of their changes."""
    newest = {(row.sop_despatch_id, row.sop_order_id): row for row in rows}
    return list(newest.values())


def _notes(document_id: int, rows: Sequence[DespatchLineRow]) -> tuple[Note, ...]:
    drafts: defaultdict[str, _Draft] = defaultdict(_Draft)
    for row in rows:
        if row.sop_order_id == document_id:
            note = drafts[row.sop_despatch_document_no]
            note.courier, note.consignment = row.sop_despatch_courier_name, row.sop_despatch_consignment_no
            note.day = row.sop_despatch_date
            note.codes[normalise(row.product_code or row.sop_order_line_item_code)] += (
                row.sop_despatch_line_quantity
            )
    return tuple(
        Note(
            number,
            document_id,
            note.day,
            note.courier,
            note.consignment,
            tuple(NoteLine(code, quantity) for code, quantity in note.codes.items()),
        )
        for number, note in sorted(drafts.items())
    )


def _moment(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, ValidationError) as error:
        raise DestinationError(f"{VIEW}: date_time_updated is no date") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
