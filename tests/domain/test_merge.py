"""Three-way merge of a sales order: what we last applied, what the channel shows now, what the ERP holds."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from app.domain.amend import Amendment, Contents, Dates, DocumentLine
from app.domain.erp import Document, DocumentStanding, EntryKind, SalesOrder
from app.domain.merge import Edit, cancel, merge
from app.domain.order import Order
from tests.domain.shop import line, make_order, plan_order

ZERO = Decimal(0)


def order_of(*lines, **more) -> Order:
    gross = sum((one.gross for one in lines), ZERO)
    tax = sum((one.gross / 6 for one in lines), ZERO).quantize(Decimal("0.01"))
    return make_order(*lines, gross=str(gross), tax=str(tax), **more)


def plan_of(*lines, **more) -> SalesOrder:
    return plan_order(order_of(*lines, **more))


def sold(sku: str, quantity: int, each: str = "24.00", **more):
    return line(sku, str(Decimal(each) * quantity), quantity=quantity, **more)


def held(order: SalesOrder, **despatched: int) -> Contents:
    """The ERP as it would be after `order`; `despatched`: units of the first line of an article."""
    left = dict(despatched)
    lines = [
        DocumentLine(number, replace(entry, ref="", tax=ZERO), Decimal(left.pop(entry.code, 0)))
        for number, entry in enumerate(order.entries, start=1)
    ]
    document = Document(7, "SO7", order.key, "", DocumentStanding.LIVE, order.net, order.tax, order.gross)
    return Contents(document, tuple(lines), order.delivery, dict(order.analysis))


def write(contents: Contents, wish: Amendment, most: int | None = None) -> Contents:
    """What the ERP holds after the first `most` lines of it were saved; all of them if not told."""
    steps = [("remove", one, None) for one in wish.removed]
    steps += [("change", one, entry) for one, entry in wish.changed]
    steps += [("add", None, entry) for entry in wish.added]
    lines = {one.id: one for one in contents.lines}
    for deed, one, entry in steps[:most]:
        if deed == "remove":
            del lines[one.id]
        elif deed == "change":
            lines[one.id] = replace(one, entry=entry)
        else:
            number = max(lines, default=0) + 100
            lines[number] = DocumentLine(number, replace(entry, ref=""), ZERO)
    return replace(
        contents,
        lines=tuple(lines.values()),
        delivery=wish.delivery or contents.delivery,
        analysis={**contents.analysis, **wish.analysis},
    )


def units(contents: Contents) -> dict[str, Decimal]:
    counted: dict[str, Decimal] = {}
    for one in contents.lines:
        if one.entry.kind is EntryKind.STANDARD:
            counted[one.entry.code] = counted.get(one.entry.code, ZERO) + one.entry.quantity
    return counted


def figures(entries) -> list[tuple]:
    """What the books see of lines."""
    return sorted((e.code or e.description, e.quantity, e.unit_net, e.tax_code) for e in entries)


def codes(wish) -> list[str]:
    return [violation.code for violation in wish]


def edited(contents: Contents, code: str, **changes) -> Contents:
    """A person changed the first line of an article."""
    lines = list(contents.lines)
    place = next(place for place, one in enumerate(lines) if one.entry.code == code)
    lines[place] = replace(lines[place], entry=replace(lines[place].entry, **changes))
    return replace(contents, lines=tuple(lines))


VERSIONS = (
    (sold("TEE", 1), sold("DRESS", 2)),
    (sold("TEE", 3, "29.99"), sold("DRESS", 2)),
    (sold("TEE", 2, "29.99"), sold("DRESS", 2), sold("SHOES", 1, "9.99")),
    (sold("TEE", 2, "29.99"), sold("TEE", 1, "29.99", ref="again"), sold("SHOES", 3, "9.99")),
    (sold("TEE", 1, "29.99"), sold("TEE", 2, "29.99", ref="again"), sold("DRESS", 1)),
    (sold("DRESS", 7, "9.99"),),
    (sold("DRESS", 5, "9.99", ref="again"), sold("DRESS", 2, "9.99")),
    (sold("TEE", 1), sold("DRESS", 2)),
)


@pytest.mark.parametrize("pair", list(pairwise(VERSIONS)) + list(pairwise(reversed(VERSIONS))))
def test_a_change_that_stopped_anywhere_is_finished_and_never_doubled(pair):
    base, theirs = plan_of(*pair[0]), plan_of(*pair[1])
    edit = Edit(base, theirs)
    wish = merge(edit, held(base))
    assert isinstance(wish, Amendment) or wish is None
    steps = len(wish.removed) + len(wish.changed) + len(wish.added) if wish else 0
    for stopped in range(steps + 1):
        contents = write(held(base), wish, stopped) if wish else held(base)
        for _ in range(3):
            rest = merge(edit, contents)
            assert isinstance(rest, Amendment) or rest is None
            contents = write(contents, rest) if rest else contents
        assert figures(one.entry for one in contents.lines) == figures(theirs.entries)


def test_nothing_is_left_where_the_erp_holds_it():
    plan = plan_of(sold("TEE", 1))
    assert merge(Edit(plan, plan), held(plan)) is None


def test_what_people_changed_survives_where_the_channel_changed_something_else():
    base, theirs = plan_of(sold("TEE", 1), sold("DRESS", 2)), plan_of(sold("TEE", 4), sold("DRESS", 2))
    ours = edited(held(base), "DRESS", quantity=Decimal(9))
    after = write(ours, merge(Edit(base, theirs), ours))
    assert units(after) == {"TEE": 4, "DRESS": 9}


def test_of_one_line_each_field_is_merged_by_itself():
    base, theirs = plan_of(sold("TEE", 1)), plan_of(sold("TEE", 4))
    nominal = replace(base.entries[0].nominal, reference="41300")
    ours = edited(held(base), "TEE", nominal=nominal)
    after = write(ours, merge(Edit(base, theirs), ours))
    assert (units(after), after.lines[0].entry.nominal) == ({"TEE": 4}, nominal)


@pytest.mark.parametrize("theirs", [(sold("TEE", 4),), (sold("TEE", 4, "29.99"),), (sold("DRESS", 1),)])
def test_what_both_changed_is_a_conflict_with_both_values(theirs):
    base = plan_of(sold("TEE", 1))
    ours = edited(held(base), "TEE", quantity=Decimal(9))
    wish = merge(Edit(base, plan_of(*theirs)), ours)
    assert "E-EDIT-CONFLICT" in codes(wish)
    clash = next(one for one in wish if one.code == "E-EDIT-CONFLICT")
    assert clash.value.startswith("9 in the ERP, ")


def test_a_line_that_people_took_out_stays_out_unless_the_channel_changed_it():
    base = plan_of(sold("TEE", 1), sold("DRESS", 2))
    ours = replace(held(base), lines=held(base).lines[1:])
    grown = plan_of(sold("TEE", 1), sold("DRESS", 3))
    assert units(write(ours, merge(Edit(base, grown), ours))) == {"DRESS": 3}
    assert codes(merge(Edit(base, plan_of(sold("TEE", 2), sold("DRESS", 2))), ours)) == ["E-EDIT-CONFLICT"]


def test_a_line_that_people_added_survives():
    base = plan_of(sold("TEE", 1))
    more = DocumentLine(99, held(plan_of(sold("SHOES", 1))).lines[0].entry, ZERO)
    ours = replace(held(base), lines=(*held(base).lines, more))
    assert units(write(ours, merge(Edit(base, plan_of(sold("TEE", 2))), ours))) == {"TEE": 2, "SHOES": 1}


def test_after_a_despatch_only_what_did_not_leave_may_change():
    base = plan_of(sold("TEE", 1), sold("DRESS", 1))
    ours = held(base, TEE=1)
    assert codes(merge(Edit(base, plan_of(sold("TEE", 2), sold("DRESS", 1))), ours)) == [
        "E-EDIT-AFTER-DESPATCH"
    ]
    wish = merge(Edit(base, plan_of(sold("TEE", 1), sold("DRESS", 3), sold("SHOES", 1))), ours)
    assert units(write(ours, wish)) == {"TEE": 1, "DRESS": 3, "SHOES": 1}


@pytest.mark.parametrize(("despatched", "left"), [(1, 2), (2, 2), (3, None)])
def test_open_units_of_a_line_can_be_cancelled_and_what_left_cannot(despatched, left):
    base, theirs = plan_of(sold("TEE", 3, "29.99")), plan_of(sold("TEE", 2, "29.99"))
    edit = Edit(base, theirs, frozenset({"TEE"}))
    contents, lines, still = held(base), [], Decimal(despatched)
    for one in contents.lines:
        gone = min(still, one.entry.quantity) if one.entry.kind is EntryKind.STANDARD else ZERO
        lines.append(replace(one, despatched=gone))
        still -= gone
    ours = replace(contents, lines=tuple(lines))
    wish = merge(edit, ours)
    if left is None:
        assert set(codes(wish)) == {"E-CANCEL-AFTER-DESPATCH"}
        return
    after = write(ours, wish)
    assert (units(after), merge(edit, after)) == ({"TEE": left}, None)


def test_a_cancelled_line_goes_even_if_people_booked_it_elsewhere():
    base, theirs = plan_of(sold("TEE", 1), sold("DRESS", 1)), plan_of(sold("DRESS", 1))
    ours = edited(held(base), "TEE", nominal=replace(base.entries[0].nominal, reference="41300"))
    assert units(write(ours, merge(Edit(base, theirs, frozenset({"TEE"})), ours))) == {"DRESS": 1}


def test_the_address_is_merged_field_by_field():
    base = plan_of(sold("TEE", 1))
    theirs = replace(base, delivery=replace(base.delivery, city="York"))
    ours = replace(held(base), delivery=replace(base.delivery, contact="the porter"))
    wish = merge(Edit(base, theirs), ours)
    assert (wish.delivery.city, wish.delivery.contact) == ("York", "the porter")
    clash = replace(ours, delivery=replace(base.delivery, city="Hull"))
    assert codes(merge(Edit(base, theirs), clash)) == ["E-EDIT-CONFLICT"]
    assert codes(merge(Edit(base, theirs), replace(held(base, TEE=1)))) == ["E-EDIT-AFTER-DESPATCH"]


def test_an_account_never_changes():
    base = plan_of(sold("TEE", 1))
    wish = merge(Edit(base, replace(base, customer="OTHER")), held(base))
    assert codes(wish) == ["E-EDIT-AFTER-POST"]


def test_without_a_base_the_document_counts_as_it():
    base, theirs = plan_of(sold("TEE", 1), sold("DRESS", 1)), plan_of(sold("TEE", 3))
    ours = held(base)
    assert units(write(ours, merge(Edit(None, theirs), ours))) == {"TEE": 3}


PORTER = {"contact": "the porter"}


def fields_of(wish) -> list[tuple[str, str]]:
    return [(violation.code, violation.field) for violation in wish]


def test_without_a_base_nobody_is_written_over():
    """People changed it, or the channel did: nothing says which. Money is another matter: the order's totals tell of it."""
    plan, more = plan_of(sold("TEE", 1)), plan_of(sold("TEE", 3))
    ours = held(plan)
    assert isinstance(merge(Edit(None, more), ours), Amendment)
    moved = replace(ours, delivery=replace(ours.delivery, **PORTER))
    assert fields_of(merge(Edit(None, more), moved)) == [("E-EDIT-CONFLICT", "delivery_address.contact")]
    assert merge(Edit(plan, plan), moved) is None
    coded = replace(ours, analysis={**ours.analysis, 3: "P200"})
    wish = merge(Edit(None, replace(more, analysis={**more.analysis, 3: "P100"})), coded)
    assert [(one.code, one.value) for one in wish] == [
        ("E-EDIT-CONFLICT", "P200 in the ERP, P100 in the channel")
    ]
    booked = edited(ours, "TEE", nominal=replace(plan.entries[0].nominal, reference="41300"))
    assert fields_of(merge(Edit(None, more), booked)) == [("E-EDIT-CONFLICT", "TEE: nominal")]


def test_a_document_that_takes_no_changes_is_left():
    base, theirs = plan_of(sold("TEE", 1)), plan_of(sold("TEE", 3))
    closed = replace(held(base), amendable=False)
    assert codes(merge(Edit(base, theirs), closed)) == ["E-EDIT-AFTER-DESPATCH"]
    assert merge(Edit(base, base), closed) is None


def test_a_document_that_somebody_cancelled_is_not_brought_back():
    base, theirs = plan_of(sold("TEE", 1)), plan_of(sold("TEE", 3))
    dead = replace(held(base), document=replace(held(base).document, standing=DocumentStanding.CANCELLED))
    assert codes(merge(Edit(base, theirs), dead)) == ["E-SAGE-CANCELLED"]
    assert cancel(dead) is None


@pytest.mark.requirement("RC-15")
def test_a_whole_cancellation_takes_every_line_or_none():
    base = plan_of(sold("TEE", 1), sold("DRESS", 2))
    assert cancel(held(base)).removed == held(base).lines
    assert codes(cancel(held(base, DRESS=1))) == ["E-CANCEL-AFTER-DESPATCH"]


AUTUMN, WINTER = (date(2027, 8, 1), date(2027, 8, 31)), (date(2027, 11, 1), date(2027, 11, 30))


def wanted_between(days: Dates) -> SalesOrder:
    return plan_of(sold("TEE", 1), deliver_from=days[0], deliver_by=days[1])


def test_days_that_the_channel_moved_are_written():
    base = wanted_between(AUTUMN)
    there = replace(held(base), dates=AUTUMN)
    assert merge(Edit(base, wanted_between(WINTER)), there) == Amendment(dates=WINTER)
    assert merge(Edit(base, wanted_between(WINTER)), replace(there, dates=WINTER)) is None


def test_days_that_people_moved_in_the_erp_stay():
    base = wanted_between(AUTUMN)
    assert merge(Edit(base, base), replace(held(base), dates=WINTER)) is None


def test_days_that_both_moved_are_a_persons():
    base = wanted_between((None, None))
    found = merge(Edit(base, wanted_between(WINTER)), replace(held(base), dates=(AUTUMN[0], None)))
    assert [(one.code, one.field, one.value) for one in found] == [
        ("E-EDIT-CONFLICT", "delivery dates", "2027-08-01 in the ERP, 2027-11-01 in the channel")
    ]


def test_without_a_base_a_day_that_differs_is_a_persons():
    there = replace(held(wanted_between(AUTUMN)), dates=AUTUMN)
    assert codes(merge(Edit(None, wanted_between(WINTER)), there)) == ["E-EDIT-CONFLICT"] * 2
    assert merge(Edit(None, wanted_between(AUTUMN)), there) is None


def test_a_day_that_the_erp_filled_by_itself_is_no_edit_of_the_other():
    base = wanted_between((AUTUMN[0], None))
    there = replace(held(base), dates=AUTUMN)
    wish = merge(Edit(base, wanted_between((WINTER[0], None))), there)
    assert wish == Amendment(dates=(WINTER[0], AUTUMN[1]))
