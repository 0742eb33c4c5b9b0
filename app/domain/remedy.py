"""What a person may do about each class of exception: one table for the API, the command line and the console. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from app.domain.message import MessageClass
from app.domain.order import Order
from app.domain.row import Row
from app.domain.rows import TABLES


class Act(StrEnum):
    """`map`: write a row, which releases · `retry`: let go again · `accept`: settle it as it is, by a person's word."""

    MAP = "map"
    RETRY = "retry"
    ACCEPT = "accept"


class Place(StrEnum):
    """Where the cause is mended."""

    MAPPING = "mapping"
    ERP = "erp"
    CHANNEL = "channel"
    SLUICE = "sluice"
    NOWHERE = "nowhere"


class Ending(StrEnum):
    """What accepting means. `acknowledged`: a flag is known of · `left`: the ERP stays as it is · `dismissed`: a
    notice needs no answer · `told`: a person told the channel · `despatched`: a person despatched it in the ERP ·
    `by_hand`: the order was posted by a person, as a document that must be named · `never`: refused.
    """

    ACKNOWLEDGED = "acknowledged"
    LEFT = "left"
    DISMISSED = "dismissed"
    TOLD = "told"
    DESPATCHED = "despatched"
    BY_HAND = "by_hand"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Remedy:
    """`acts`: what is offered, the fitting one first. `table`: whose row would mend it."""

    place: Place
    says: str
    acts: tuple[Act, ...]
    ending: Ending
    table: str | None = None


_SAYS: Mapping[Place, str] = MappingProxyType(
    {
        Place.MAPPING: "Add the missing row; all that waits for it goes on.",
        Place.ERP: "Correct it in the ERP, then retry.",
        Place.CHANNEL: "Correct it in the channel; its next notice is read by itself, or retry.",
        Place.SLUICE: "Read the attempts, mend the cause, then retry.",
        Place.NOWHERE: "Nothing is held up: look, and say that you have.",
    }
)
_TELLING = frozenset({"acknowledge", "ship", "answer_cancellation", "acknowledge_return"})
"""What a channel is told: a person may have told it in the channel's own pages."""
_ERP = frozenset(
    {
        *(
            "E-CUST-ONHOLD",
            "E-SKU-INACTIVE",
            "E-SAGE-DRAFT",
            "E-DUP-EXISTING",
            "E-DUP-CONTENT",
            "E-KEY-COLLISION",
            "E-SAGE-CANCELLED",
        ),
        *("E-PERIOD-CLOSED", "E-SAGE-FORBIDDEN", "E-SAGE-REJECTED", "E-SAGE-CODE", "E-EDIT-AFTER-POST"),
        *("E-CANCEL-AFTER-POST", "E-EDIT-CONFLICT", "E-EDIT-AFTER-DESPATCH"),
        *("E-CARRIER-MISSING", "E-TRACKING-MISSING", "E-TRACKING-FORMAT", "E-DISPATCH-DATE", "E-QTY"),
        *("E-LINE-UNKNOWN", "E-REF-NOTUNIQUE", "E-NOTE-CHANGED", "E-LOCKED"),
        *("E-PRICE-MISMATCH", "E-PRICE-UNKNOWN"),
        *("E-DESPATCH-UNSURE", "E-DESPATCH-UNPLACED", "E-DESPATCHED-ELSEWHERE", "E-DOCUMENT-UNKNOWN"),
    }
)
_CHANNEL = frozenset(
    {
        *(
            "E-TOTAL-MISMATCH",
            "E-AMOUNT",
            "E-UNALLOCATED",
            "E-ADDRESS-LENGTH",
            "E-ADDRESS-CHARSET",
            "E-ORDER-EMPTY",
        ),
        *("E-FIELD-LENGTH", "E-GIFT-CARD", "E-CENTRA-PERMISSION", "E-CENTRA-REFUSED", "E-SKU-UNKNOWN"),
        *("E-SKU-AMBIGUOUS", "E-CCY-UNMAPPED", "E-CUST-UNMAPPED", "E-VAT-MISMATCH"),
        *("E-PRICE-MISSING", "E-DATE-WINDOW", "E-DATE-FORMAT", "E-VS-REFUSED", "E-VS-ORDER-GONE"),
        *("E-CAPTURE-FAILED", "E-SHIP-UNSURE", "E-CENTRA-ORDER-GONE", "E-SHIPMENT-GONE"),
        *("E-RETURN-UNKNOWN", "E-RETURN-UNITS"),
        *("E-CAPTURE-FAILED", "E-SHIP-UNSURE", "E-CENTRA-ORDER-GONE", "E-CANCEL-AFTER-DESPATCH"),
    }
)
SHARED = (
    *(
        "E-CUST-ONHOLD",
        "E-SKU-INACTIVE",
        "E-SKU-UNKNOWN",
        "E-SKU-AMBIGUOUS",
        "E-STATUS-UNKNOWN",
        "E-PERIOD-CLOSED",
    ),
    *("E-CCY-UNMAPPED", "E-SAGE-CODE", "E-SAGE-FORBIDDEN", "E-CENTRA-PERMISSION"),
)
"""Codes whose value is a cause that orders have in common, besides all that a mapping row would mend; any other code's
value belongs to one order alone.
"""


def ending_of(kind: str | None, cls: str | None, *, flag: bool) -> Ending:
    """`kind` and `cls`: of the message. What is not known to be safe is refused: a poll that was ended would not come back,
    and an order that was simply dropped would be placed again at its next notice.
    """
    if flag:
        return Ending.ACKNOWLEDGED
    if cls == MessageClass.NOTICE:
        return Ending.DISMISSED
    if (kind or "").rpartition(".")[2] in _TELLING:
        return Ending.TOLD
    if (kind or "").endswith(".despatch.confirm"):
        return Ending.DESPATCHED
    verb = (kind or "").rpartition(".sales_order.")[2]
    if verb in {"change", "cancel"}:
        return Ending.LEFT
    return Ending.BY_HAND if verb in {"place", "bind"} else Ending.NEVER


def remedy(code: str, need: str | None, endings: Iterable[Ending]) -> Remedy:
    """`endings`: of all the messages that it is about. Several kinds of them cannot be accepted by one word, nor several
    orders as one document.
    """
    given = list(endings)
    ending = given[0] if len(set(given)) == 1 else Ending.NEVER
    if ending is Ending.BY_HAND and len(given) > 1:
        ending = Ending.NEVER
    place = _place(code, need, ending)
    if ending is Ending.ACKNOWLEDGED:
        return Remedy(place, _SAYS[place], (Act.ACCEPT,), ending)
    acts = [Act.RETRY] if need not in TABLES else [Act.MAP, Act.RETRY]
    acts += [Act.ACCEPT] if ending is not Ending.NEVER else []
    return Remedy(place, _SAYS[place], tuple(acts), ending, need if need in TABLES else None)


def _place(code: str, need: str | None, ending: Ending) -> Place:
    if ending is Ending.ACKNOWLEDGED:
        return Place.NOWHERE
    if need in TABLES:
        return Place.MAPPING
    if code in _ERP:
        return Place.ERP
    return Place.CHANNEL if code in _CHANNEL else Place.SLUICE


ROUTE = re.compile(
    r"(?P<rate>[\d.]+) % from (?P<ship_from>[A-Z]{2}) to (?P<ship_to>[A-Z]{2}), (?P<buyer>[a-z]+)"
)


def prefill(table: str, field: str, value: str, source: str, order: Order | None) -> dict[str, str]:
    """A row of `table` with what is known of it, as text; the columns that a person must fill are empty."""
    known = {"connection": source} | _known(table, field, value, order)
    return {name: known.get(name, _default(table, name)) for name in TABLES[table].model_fields}


def _known(table: str, field: str, value: str, order: Order | None) -> dict[str, str]:
    match table:
        case "sku_aliases" | "carriers":
            side = "carrier" if field == "carrier" else "courier"
            return {"alias" if table == "sku_aliases" else side: value}
        case "phrases":
            return {"phrase": value.replace("…", "*")[:200]}  # what was blotted out may be anything
        case "customers" if order is not None:
            account = order.account if order.wholesale else ""
            return {"store": order.store, "currency": order.currency, "account": account}
        case "tax_codes" if route := ROUTE.match(value):
            buyer = route["buyer"] if route["buyer"] in {"consumer", "business"} else "any"
            return {**route.groupdict(), "buyer": buyer}
        case "posting_rules":
            kind, _, sku = value.partition(" ")
            return {"kind": kind, "sku": sku or "*"} if not value.count("/") else {}
        case "charges":
            return {"kind": value} if field == "charge" else {}
        case "required_fields":
            store = {"store": order.store} if order is not None else {}
            return {"target": field, **store}
    return {}


def _default(table: str, name: str) -> str:
    field = TABLES[table].model_fields[name]
    if field.is_required() or field.default is None:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def required(table: str) -> frozenset[str]:
    """Columns that no row may leave empty."""
    model: type[Row] = TABLES[table]
    return frozenset(name for name, field in model.model_fields.items() if field.is_required())
