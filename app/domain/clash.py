"""Why a change is a person's: told with both values, so that nobody has to look them up. Pure."""

from decimal import Decimal
from typing import Any

from app.domain.amend import Contents, DocumentLine
from app.domain.erp import Nominal
from app.domain.match import name_of
from app.domain.message import Owner, Violation

SETTLE = "make the ERP say what the channel says, then retry; or accept it as it stands in the ERP"
LEFT = "goods have left the warehouse: settle it with the warehouse and the shopper, then retry or accept"


def closed(contents: Contents) -> Violation:
    fix = "the ERP takes no changes of it any more: settle the difference by a return, or a new order"
    return Violation("E-EDIT-AFTER-DESPATCH", "order", contents.document.number, fix)


def despatched(line: DocumentLine, word: str) -> Violation:
    value = f"{line.despatched:f} of {line.entry.quantity:f} despatched"
    name = name_of(line.entry)
    if word == "cancelled":
        fix = "it has left the warehouse: refuse it in the channel and let it come back as a return, then accept"
        return Violation("E-CANCEL-AFTER-DESPATCH", name, value, fix, Owner.CX)
    return Violation("E-EDIT-AFTER-DESPATCH", name, f"{value}, {word} in the channel", LEFT)


def conflict(line: DocumentLine, name: str, now: Any, new: Any) -> Violation:
    value = f"{spell(now)} in the ERP, {spell(new)} in the channel"
    return Violation("E-EDIT-CONFLICT", f"{name_of(line.entry)}: {name}", value, SETTLE)


def spell(value: Any) -> str:
    if isinstance(value, Nominal):
        return f"{value.reference}/{value.cost_centre}/{value.department}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
