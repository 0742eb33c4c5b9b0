"""What stands above the lines of a sales order is merged like them: address, days, analysis (R-33, RC-17). Pure.

Without a base nobody knows who changed what differs: it is a person's.
"""

from dataclasses import fields, replace
from datetime import date
from typing import Any

from app.domain.amend import Contents, Dates
from app.domain.clash import LEFT, SETTLE
from app.domain.erp import Delivery, SalesOrder
from app.domain.message import Violation


def merge_delivery(
    base: SalesOrder | None, theirs: SalesOrder, contents: Contents, found: list[Violation]
) -> Delivery | None:
    ours, old = contents.delivery, base.delivery if base else contents.delivery
    wanted: dict[str, Any] = {}
    for part in fields(Delivery):
        before, new, now = (getattr(one, part.name) for one in (old, theirs.delivery, ours))
        if new in (before, now):
            continue
        if base is None or now != before:
            value = f"changed in the ERP {'and' if base else 'or'} in the channel"
            found.append(Violation("E-EDIT-CONFLICT", f"delivery_address.{part.name}", value, SETTLE))
        wanted[part.name] = new
    if wanted and any(line.despatched for line in contents.lines):
        value = contents.document.number
        found.append(Violation("E-EDIT-AFTER-DESPATCH", "delivery_address", value, LEFT))
    return replace(ours, **wanted) if wanted else None


def merge_dates(
    base: SalesOrder | None, theirs: SalesOrder, contents: Contents, found: list[Violation]
) -> Dates | None:
    """Each day by itself. One that the channel takes back stays: no ERP's API is known to clear it."""
    old = (base.deliver_from, base.deliver_by) if base else contents.dates
    wanted: list[date | None] = []
    for before, new, now in zip(old, (theirs.deliver_from, theirs.deliver_by), contents.dates, strict=True):
        moved = new is not None and new not in (before, now)
        if moved and (base is None or now != before):
            value = f"{now or 'none'} in the ERP, {new} in the channel"
            found.append(Violation("E-EDIT-CONFLICT", "delivery dates", value, SETTLE))
        wanted.append(new if moved else now)
    first, last = wanted
    return None if (first, last) == contents.dates else (first, last)


def merge_analysis(
    base: SalesOrder | None, theirs: SalesOrder, contents: Contents, found: list[Violation]
) -> dict[int, str]:
    ours, old = contents.analysis, base.analysis if base else contents.analysis
    wanted: dict[int, str] = {}
    for slot, new in theirs.analysis.items():
        before, now = old.get(slot, ""), ours.get(slot, "")
        if new in {before, now}:
            continue
        if base is None or now != before:
            value = f"{now or 'none'} in the ERP, {new} in the channel"
            found.append(Violation("E-EDIT-CONFLICT", f"analysis_code_{slot}", value, SETTLE))
        wanted[slot] = new
    return wanted
