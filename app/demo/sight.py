"""The sandbox's history, read row by row: what was ordered, what was told to Sluice, what came to stand in Sage."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from app.demo import retail
from app.demo.verdict import Asked, Entered, Span

Doc = dict[str, Any]
ORDER, DELIVERY, ANSWER, DOCUMENT = "centra.order", "centra.delivery", "centra.answer", "sage200.sop_order"
STOCK, SOLD = "centra.stock_change", "virtualstock.order"
QUEUE, SWEEP = "GatewayEvents", "GatewayChangedOrders"
EVENT = "centra.event"
READ = "GatewayOrders"
LOST = frozenset({"lose"})
PARENT = "BundleOrderLine"
STANDARD = "EnumLineTypeStandard"
CANCELLED = "EnumDocumentStatusCancelled"


@dataclass(frozen=True, slots=True)
class Telling:
    """One call that named an order. `sure`: Sluice has it; else nobody knows. A webhook is sure by its 2xx, a page of the
    queue by the confirmation of its events: the page alone may have met a worker that was killed before it stored it.
    """

    began: str
    ended: str
    sure: bool = True
    releasable: bool = False


@dataclass
class Sight:
    """`orders`: of the shop, `sold`: of the retailers, as they stand now. `events`: accepted, duplicates, rejected:
    counted by event, not by call.
    """

    seq: int = 0
    orders: dict[int, Doc] = field(default_factory=dict)
    sold: dict[int, Doc] = field(default_factory=dict)
    documents: dict[str, Doc] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    published: int = 0
    notices: defaultdict[int, list[Telling]] = field(default_factory=lambda: defaultdict(list))
    reads: defaultdict[int, list[Telling]] = field(default_factory=lambda: defaultdict(list))
    _told: set[tuple[object, ...]] = field(default_factory=set)
    _shown: dict[int, str] = field(default_factory=dict)

    def add(self, rows: Iterable[Doc]) -> None:
        for row in rows:
            self.seq = row["seq"]
            for change in row["changed"]:
                self._see(row, change)

    def _see(self, row: Doc, change: Doc) -> None:
        entity, after = change["entity"], change["after"]
        if entity == ORDER and after is not None:
            self.orders[after["number"]] = after
        elif entity == SOLD and after is not None:
            self.sold[after["id"]] = after
        elif entity == DOCUMENT:
            self._see_document(row, change)
        elif entity == EVENT and after is None and row["status"] == 200:
            self._see_confirmed(row, change["before"])
        elif entity == STOCK and row["system"] == "centra":
            self.published += 1
        elif entity == DELIVERY and after is not None:
            self._see_delivery(row, after)
        elif entity == ANSWER and after is not None and row["status"] == 200:
            self._see_answer(row, after)

    def _see_document(self, row: Doc, change: Doc) -> None:
        if change["after"] is None:
            self.documents.pop(change["id"], None)
            return
        if change["before"] is None:
            self.created[change["id"]] = row["seq"]
        self.documents[change["id"]] = change["after"]

    def _see_delivery(self, row: Doc, doc: Doc) -> None:
        accepted = doc["status"] == 202
        for event in doc["events"]:
            if accepted:
                name = (doc["plugin"], event["number"], event["action"], event["date"])
                self.events["accepted" if self._is_new(name) else "duplicates"] += 1
            elif doc["status"]:
                self.events["rejected"] += 1
            if accepted or (doc["status"] == 0 and row["fault"] not in LOST):
                telling = Telling(doc["started_at"], doc["answered_at"], sure=accepted)
                self.notices[event["number"]].append(telling)

    def _is_new(self, name: tuple[object, ...]) -> bool:
        """A page shows the same change many times; only the first tells anything."""
        known = name in self._told
        self._told.add(name)
        return not known

    def _see_answer(self, row: Doc, doc: Doc) -> None:
        for order in doc["orders"]:
            number = order["number"]
            telling = Telling(doc["started_at"], doc["answered_at"], releasable=order["releasable"])
            if row["key"] == READ:
                self.reads[number].append(telling)
            elif row["key"] == QUEUE:
                self.notices[number].append(replace(telling, sure=False))
                self._shown.setdefault(number, telling.began)
            elif row["key"] == SWEEP and self._is_new((number, order["updated_at"])):
                self.notices[number].append(telling)

    def _see_confirmed(self, row: Doc, event: Doc) -> None:
        """From the first page that showed it to the confirmation, somewhere in between it was stored."""
        number = event["reference"]
        if began := self._shown.pop(number, None):
            self.notices[number].append(Telling(began, row["at"]))

    def drafts(self, key: str) -> list[str]:
        """Ids of what Sage began under this key and never finished."""
        return [
            id_
            for id_, doc in self.documents.items()
            if doc["is_draft"] and doc.get("customer_document_no") == key
        ]

    def unplaced(self, prefixes: Mapping[int, str]) -> int:
        """Orders that Sage must have and has not. `prefixes`: store -> of our keys."""
        there = self.numbers()
        keys = [
            f"{prefixes[order['store']]}-{number}" for number, order in self.orders.items() if is_live(order)
        ]
        keys += [retail.key_of(order) for order in self.sold.values()]
        return sum(key not in there for key in keys)

    def numbers(self) -> set[str]:
        """Our keys of what stands in Sage, drafts apart."""
        return {doc.get("customer_document_no", "") for doc in self.documents.values() if not doc["is_draft"]}

    def untold(self, prefixes: Mapping[int, str]) -> list[str]:
        """What stands in Sage and its retailer was not told, and goods that left on one side only."""
        left = {doc["customer_document_no"] for doc in self.documents.values() if retail.is_despatched(doc)}
        said = retail.untold(self.sold.values(), self.documents.values())
        for number, order in sorted(self.orders.items()):
            key, is_shipped = f"{prefixes[order['store']]}-{number}", order["status"] == "SHIPPED"
            if (key in left) != is_shipped:
                said.append(f"{key} left the warehouse only in {'Centra' if is_shipped else 'Sage'}")
        return said

    def live(self) -> int:
        return sum(not doc["is_draft"] and not is_cancelled(doc) for doc in self.documents.values())

    def span(self, number: int) -> Span | None:
        """First acceptance: of the notice through which the order was found releasable. Where it cannot be told whether
        an earlier call was that notice (it had no answer, or overlaps the read before), the span reaches back to it.
        """
        reads = self.reads[number]
        found = next((place for place, read in enumerate(reads) if read.releasable), None)
        if found is None:
            return None
        since = reads[found - 1].began if found else ""
        fitting = [
            one for one in self.notices[number] if one.ended >= since and one.began <= reads[found].ended
        ]
        answered = [one for one in fitting if one.sure]
        certain = [one for one in answered if one.began >= since] or answered
        if not certain:
            return None
        ended = min(one.ended for one in certain)
        return Span(min(one.began for one in fitting if one.began <= ended), ended)


def entered(
    documents: Mapping[str, Doc], created: Mapping[str, int], currencies: Mapping[int, str]
) -> list[Entered]:
    """`currencies`: Sage's id -> code."""
    return [
        Entered(
            id=id_,
            number=doc["document_no"],
            key=doc.get("customer_document_no", ""),
            spare=doc.get("spare_text_1", ""),
            live=not doc["is_draft"],
            units=_units(
                (line["code"], line["line_quantity"])
                for line in doc["lines"]
                if line["line_type"] == STANDARD
            ),
            gross=Decimal(doc["total_gross_value"]),
            currency=currencies[doc["currency_id"]],
            created=created[id_],
        )
        for id_, doc in documents.items()
        if not is_cancelled(doc)
    ]


def is_cancelled(doc: Doc) -> bool:
    """An order whose lines were all cancelled holds nothing; its status stays what it was (sage200.md 9.1)."""
    return doc["document_status"] == CANCELLED or not (doc["lines"] or doc["is_draft"])


def asked(order: Doc, connection: str, prefix: str, aliases: Mapping[str, str]) -> Asked:
    """`order` with its `figures`. `aliases`: spelling of the channel -> code of the ERP."""
    cancelled = order["status"] == "CANCELLED"
    lines = [line for line in order["lines"] if line["type"] != PARENT]
    return Asked(
        key=f"{prefix}-{order['number']}",
        connection=connection,
        number=order["number"],
        live=is_live(order),
        cancelled=cancelled,
        units=_units((aliases.get(line["sku"], line["sku"]), line["quantity"]) for line in lines),
        gross=Decimal(order["figures"]["grand_total"]),
        currency=order["currency"],
    )


def is_live(order: Doc) -> bool:
    """Whether Sage must have it."""
    return order["hold"] is None and order["status"] not in {"PENDING", "CANCELLED"}


def _units(lines: Iterable[tuple[str, Any]]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for code, quantity in lines:
        units[code.upper()] += int(Decimal(quantity))
    return {code: count for code, count in units.items() if count}
