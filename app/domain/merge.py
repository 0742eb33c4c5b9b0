"""A channel's edit meets a sales order that people may have edited too: what we last applied, what the channel shows now
and what the ERP holds are merged field by field (R-33, RC-17). Pure.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from app.domain.amend import Amendment, Contents, DocumentLine, Wish
from app.domain.clash import SETTLE, closed, conflict, despatched, spell
from app.domain.erp import DocumentStanding, Entry, EntryKind, SalesOrder
from app.domain.match import Group, Trio, figures, match, name_of, price_of
from app.domain.merge_heading import merge_analysis, merge_dates, merge_delivery
from app.domain.message import Violation
from app.domain.money import NOTHING, PENNY

UNTOTALLED = frozenset({"tax code", "nominal"})
"""Of a line, what people may change without a trace in the order's totals."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`base`: what we last applied; None where that is not known: units and prices of the document count as it, and where
    anything else differs a person decides. `cancelled`: lines of the channel whose fall is a cancellation.
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
        return tuple(despatched(line, "cancelled") for line in gone)
    return Amendment(removed=contents.lines)


def merge(edit: Edit, contents: Contents) -> Wish:
    """Edits of people survive where the channel changed something else; where both changed the same, a person decides."""
    if contents.document.standing is DocumentStanding.CANCELLED:
        fix = "somebody cancelled it in the ERP: cancel it in the channel too, or enter it anew by hand"
        return (Violation("E-SAGE-CANCELLED", "order", contents.document.number, fix),)
    base, theirs = edit.base, edit.theirs
    if base is not None and (base.customer, base.currency) != (theirs.customer, theirs.currency):
        value = f"{base.customer} in the ERP, {theirs.customer} in the channel"
        fix = "no order changes its account: cancel it in the ERP and post it anew by hand"
        return (Violation("E-EDIT-AFTER-POST", "customer", value, fix),)
    draft = _Draft()
    for group in match(base.entries if base else None, theirs.entries, contents.lines):
        if group.is_wanted_otherwise:
            _judge_group(group, edit, draft)
    delivery = merge_delivery(base, theirs, contents, draft.found)
    analysis = merge_analysis(base, theirs, contents, draft.found)
    dates = merge_dates(base, theirs, contents, draft.found)
    lines = (tuple(draft.removed), tuple(draft.changed), tuple(draft.added))
    wanted = Amendment(*lines, delivery, analysis, dates)
    if draft.found:
        return tuple(draft.found)
    if wanted == Amendment():
        return None
    return wanted if contents.amendable else (closed(contents),)


def _judge_group(group: Group, edit: Edit, draft: _Draft) -> None:
    if not group.theirs:
        _drop(group, edit, draft)
    elif _is_cut(group, edit):
        _cut(group, draft)
    elif group.is_edited and not group.is_single:
        draft.found.extend(_compare(group))
    else:
        for trio in group.trios():
            _judge(trio, edit, draft)


def _drop(group: Group, edit: Edit, draft: _Draft) -> None:
    """Nothing of it is wanted any more; that people made it less, or booked it elsewhere, changes nothing of that."""
    gone = [line for line in group.ours if line.despatched]
    word = "cancelled" if {entry.ref for entry in group.base} & edit.cancelled else "removed"
    held = sum((line.entry.quantity for line in group.ours), NOTHING)
    before = sum((entry.quantity for entry in group.base), NOTHING)
    if gone:
        draft.found.extend(despatched(line, word) for line in gone)
    elif held > before:
        draft.found.append(conflict(group.ours[0], "quantity", held, NOTHING))
    else:
        draft.removed.extend(group.ours)


def _compare(group: Group) -> Iterator[Violation]:
    """Of several lines no field can be merged by itself. That people entered the same units as one line, whose price is
    some pennies off, is what was asked for.
    """
    name = name_of((*group.theirs, *group.base)[0])
    ours = [line.entry for line in group.ours]
    (held, worth), (wanted, price) = _sums(ours), _sums(group.theirs)
    if held != wanted:
        value = f"{spell(held)} in the ERP, {spell(wanted)} in the channel"
        yield Violation("E-EDIT-CONFLICT", f"{name}: quantity", value, SETTLE)
    elif abs(worth - price) > PENNY * wanted:
        value = f"{spell(worth)} in the ERP, {spell(price)} in the channel"
        yield Violation("E-EDIT-CONFLICT", f"{name}: price", value, SETTLE)


def _sums(entries: Sequence[Entry]) -> tuple[Decimal, Decimal]:
    """Units and what they cost, both as the ERP would add them up."""
    units = sum((entry.quantity for entry in entries), NOTHING)
    return units, sum((entry.quantity * price_of(entry) for entry in entries), NOTHING)


def _is_cut(group: Group, edit: Edit) -> bool:
    """Part of it left, and nothing but units were cancelled since."""
    gone = any(line.despatched for line in group.ours)
    before, after = Counter[str](), Counter[str]()
    for counted, entries in ((before, group.base), (after, group.theirs)):
        for entry in entries:
            counted[entry.ref] += int(entry.quantity)
    fallen = {ref for ref in before if after[ref] < before[ref]}
    return gone and bool(fallen) and fallen <= edit.cancelled and after <= before


def _cut(group: Group, draft: _Draft) -> None:
    """Open units go, whichever line they stand on, and the price of the others stays: what left has its price already."""
    held = sum((line.entry.quantity for line in group.ours), NOTHING)
    need = held - sum((entry.quantity for entry in group.theirs), NOTHING)
    if held > sum((entry.quantity for entry in group.base), NOTHING):
        draft.found.append(conflict(group.ours[0], "quantity", held, held - need))
        return
    for line in sorted(group.ours, key=lambda line: line.despatched):
        taken = max(min(line.entry.quantity - line.despatched, need), NOTHING)
        need -= taken
        if taken == line.entry.quantity:
            draft.removed.append(line)
        elif taken:
            draft.changed.append((line, replace(line.entry, quantity=line.entry.quantity - taken)))
    if need > 0:
        draft.found.extend(despatched(line, "cancelled") for line in group.ours if line.despatched)


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
        draft.found.append(despatched(line, word))
    elif line.entry.quantity > trio.base.quantity:
        draft.found.append(conflict(line, "quantity", line.entry.quantity, 0))
    else:
        draft.removed.append(line)


def _judge_absent(trio: Trio, theirs: Entry, draft: _Draft) -> None:
    """New in the channel; or taken out of the ERP by a person, which stands unless the channel changed it too."""
    if trio.base is None:
        draft.added.append(theirs)
    elif figures(trio.base) != figures(theirs):
        value = f"gone from the ERP, {theirs.quantity} in the channel"
        draft.found.append(Violation("E-EDIT-CONFLICT", name_of(theirs), value, SETTLE))


def _judge_change(base: Entry, theirs: Entry, ours: DocumentLine, told: tuple[Edit, _Draft]) -> None:
    edit, draft = told
    old, new, now = figures(base), figures(theirs), figures(ours.entry)
    wanted = {name: new[name] for name in new if new[name] not in {old[name], now[name]}}
    if not wanted:
        return
    unknown = UNTOTALLED if edit.base is None else frozenset()
    clash = [name for name in wanted if now[name] != old[name] or name in unknown]
    if ours.despatched:
        less = wanted.get("quantity", now["quantity"]) < now["quantity"]
        word = "cancelled" if theirs.ref in edit.cancelled and less else "changed"
        draft.found.append(despatched(ours, word))
    elif clash:
        draft.found.extend(conflict(ours, name, now[name], new[name]) for name in clash)
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
