"""A channel's edit meets a sales order that people may have edited too: what we last applied, what the channel shows now
and what the ERP holds are merged field by field (R-33, RC-17). Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any

from app.domain.amend import Amendment, Contents, DocumentLine, Wish
from app.domain.erp import Delivery, DocumentStanding, Entry, EntryKind, Nominal, SalesOrder
from app.domain.match import Trio, figures, match, name_of, price_of
from app.domain.message import Owner, Violation

SETTLE = "make the ERP say what the channel says, then retry; or accept it as it stands in the ERP"
LEFT = "goods have left the warehouse: settle it with the warehouse and the shopper, then retry or accept"


@dataclass(frozen=True, slots=True)
class Edit:
    """`base`: what we last applied; None where that is not known, and the document counts as it. `cancelled`: lines of the
    channel whose fall is a cancellation.
    """

    base: SalesOrder | None
    theirs: SalesOrder
    cancelled: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Draft:
    removed: list[DocumentLine] = field(default_factory=list)
    changed: list[tuple[DocumentLine, Entry]] = field(default_factory=list)
    added: list[Entry] = field(default_factory=list)
    found: list[Violation] = field(default_factory=list)


def cancel(contents: Contents) -> Wish:
    """The whole order. What left the warehouse wins (RC-15)."""
    if contents.document.standing is DocumentStanding.CANCELLED:
        return None
    gone = [line for line in contents.lines if line.despatched]
    if gone:
        return tuple(_despatched(line, "cancelled") for line in gone)
    return Amendment(removed=contents.lines)


def merge(edit: Edit, contents: Contents) -> Wish:
    """Edits of people survive where the channel changed something else; where both changed the same, a person decides."""
    if contents.document.standing is DocumentStanding.CANCELLED:
        fix = "somebody cancelled it in the ERP: cancel it in the channel too, or enter it anew by hand"
        return (_violation("E-SAGE-CANCELLED", "order", contents.document.number, fix),)
    base, theirs = edit.base, edit.theirs
    if base is not None and (base.customer, base.currency) != (theirs.customer, theirs.currency):
        value = f"{base.customer} in the ERP, {theirs.customer} in the channel"
        fix = "no order changes its account: cancel it in the ERP and post it anew by hand"
        return (_violation("E-EDIT-AFTER-POST", "customer", value, fix),)
    draft = _Draft()
    for trio in match(base.entries if base else None, theirs.entries, contents.lines):
        _judge(trio, edit, draft)
    delivery = _merge_delivery(base, theirs, contents, draft)
    analysis = _merge_analysis(base, theirs, contents, draft)
    wanted = Amendment(tuple(draft.removed), tuple(draft.changed), tuple(draft.added), delivery, analysis)
    if draft.found:
        return tuple(draft.found)
    if wanted == Amendment():
        return None
    return wanted if contents.amendable else (_closed(contents),)


def _judge(trio: Trio, edit: Edit, draft: _Draft) -> None:
    if trio.theirs is None:
        _judge_removal(trio, edit, draft)
    elif trio.ours is None:
        _judge_absent(trio, trio.theirs, draft)
    elif trio.base is not None:
        _judge_change(trio.base, trio.theirs, trio.ours, (edit, draft))


def _judge_removal(trio: Trio, edit: Edit, draft: _Draft) -> None:
    if trio.base is None or trio.ours is None:
        return
    line = trio.ours
    if line.despatched:
        word = "cancelled" if trio.base.ref in edit.cancelled else "removed"
        draft.found.append(_despatched(line, word))
    elif line.entry.quantity > trio.base.quantity:
        draft.found.append(_conflict(line, "quantity", line.entry.quantity, 0))
    else:
        draft.removed.append(line)


def _judge_absent(trio: Trio, theirs: Entry, draft: _Draft) -> None:
    """New in the channel; or taken out of the ERP by a person, which stands unless the channel changed it too."""
    if trio.base is None:
        draft.added.append(theirs)
    elif figures(trio.base) != figures(theirs):
        value = f"gone from the ERP, {theirs.quantity} in the channel"
        draft.found.append(_violation("E-EDIT-CONFLICT", name_of(theirs), value, SETTLE))


def _judge_change(base: Entry, theirs: Entry, ours: DocumentLine, told: tuple[Edit, _Draft]) -> None:
    edit, draft = told
    old, new, now = figures(base), figures(theirs), figures(ours.entry)
    wanted = {name: new[name] for name in new if new[name] not in {old[name], now[name]}}
    if not wanted:
        return
    clash = [name for name in wanted if now[name] != old[name]]
    less = wanted.get("quantity", now["quantity"]) < now["quantity"]
    cancels = theirs.ref in edit.cancelled and less and wanted["quantity"] >= ours.despatched
    if ours.despatched and not (cancels and wanted.keys() == {"quantity"}):
        word = "cancelled" if theirs.ref in edit.cancelled and less else "changed"
        draft.found.append(_despatched(ours, word))
    elif clash:
        draft.found.extend(_conflict(ours, name, now[name], new[name]) for name in clash)
    else:
        draft.changed.append((ours, _with(ours.entry, wanted)))


def _with(entry: Entry, wanted: Mapping[str, Any]) -> Entry:
    price = wanted.get("price", price_of(entry))
    charge = entry.kind is EntryKind.CHARGE
    return replace(
        entry,
        quantity=wanted.get("quantity", entry.quantity),
        unit_net=entry.unit_net if charge else price,
        net=price if charge else entry.net,
        tax_code=wanted.get("tax code", entry.tax_code),
        nominal=wanted.get("nominal", entry.nominal),
    )


def _merge_delivery(
    base: SalesOrder | None, theirs: SalesOrder, contents: Contents, draft: _Draft
) -> Delivery | None:
    ours, old = contents.delivery, base.delivery if base else contents.delivery
    wanted: dict[str, Any] = {}
    for part in fields(Delivery):
        before, new, now = (getattr(one, part.name) for one in (old, theirs.delivery, ours))
        if new in (before, now):
            continue
        if now != before:
            value = "changed in the ERP and in the channel"
            draft.found.append(_violation("E-EDIT-CONFLICT", f"delivery_address.{part.name}", value, SETTLE))
        wanted[part.name] = new
    if wanted and any(line.despatched for line in contents.lines):
        value = contents.document.number
        draft.found.append(_violation("E-EDIT-AFTER-DESPATCH", "delivery_address", value, LEFT))
    return replace(ours, **wanted) if wanted else None


def _merge_analysis(
    base: SalesOrder | None, theirs: SalesOrder, contents: Contents, draft: _Draft
) -> dict[int, str]:
    ours, old = contents.analysis, base.analysis if base else contents.analysis
    wanted: dict[int, str] = {}
    for slot, new in theirs.analysis.items():
        before, now = old.get(slot, ""), ours.get(slot, "")
        if new in {before, now}:
            continue
        if now != before:
            value = f"{now} in the ERP, {new} in the channel"
            draft.found.append(_violation("E-EDIT-CONFLICT", f"analysis_code_{slot}", value, SETTLE))
        wanted[slot] = new
    return wanted


def _closed(contents: Contents) -> Violation:
    fix = "the ERP takes no changes of it any more: settle the difference by a return, or a new order"
    return _violation("E-EDIT-AFTER-DESPATCH", "order", contents.document.number, fix)


def _despatched(line: DocumentLine, word: str) -> Violation:
    value = f"{line.despatched:f} of {line.entry.quantity:f} despatched"
    name = name_of(line.entry)
    if word == "cancelled":
        fix = "it has left the warehouse: refuse it in the channel and let it come back as a return, then accept"
        return Violation("E-CANCEL-AFTER-DESPATCH", name, value, fix, Owner.CX)
    return _violation("E-EDIT-AFTER-DESPATCH", name, f"{value}, {word} in the channel", LEFT)


def _conflict(line: DocumentLine, name: str, now: Any, new: Any) -> Violation:
    value = f"{_spell(now)} in the ERP, {_spell(new)} in the channel"
    return _violation("E-EDIT-CONFLICT", f"{name_of(line.entry)}: {name}", value, SETTLE)


def _spell(value: Any) -> str:
    if isinstance(value, Nominal):
        return f"{value.reference}/{value.cost_centre}/{value.department}"
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _violation(code: str, field_: str, value: str, fix: str) -> Violation:
    return Violation(code, field_, value, fix, Owner.OPERATIONS)
