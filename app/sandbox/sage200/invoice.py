"""The invoice run, which only people can start (sage200.md 10.4)."""

from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.allocate import held_of, hold
from app.sandbox.sage200.amend import save
from app.sandbox.sage200.couriers import DESPATCHES
from app.sandbox.sage200.despatch import issue
from app.sandbox.sage200.find import find_document
from app.sandbox.sage200.lines import STANDARD, Entry
from app.sandbox.sage200.progress import COMPLETE, GOODS


def invoice(entry: Entry, wish: Doc) -> Doc:
    """`{"order", "only_despatched"?}`: despatches what is left, without a note, posts the invoice and completes the
    order. With `only_despatched` the rest of the order stays as it is.
    """
    order = find_document(entry, wish)
    part = wish.get("only_despatched", False)
    for line in order["lines"]:
        quantity = line.get("line_quantity", "1")
        if part and line["line_type"] in GOODS:
            quantity = line["despatch_receipt_quantity"]
        if line["line_type"] == STANDARD:
            issue_rest(entry, line, Decimal(quantity))
        line.update(
            despatch_receipt_quantity=quantity,
            invoice_credit_quantity=quantity,
            posted_invoice_credit_quantity=quantity,
            date_time_updated=entry.stamp,
        )
    if not part:
        order["document_status"] = COMPLETE
    mark_notes(entry, order)
    save(entry, order, moved=True)
    return order


def issue_rest(entry: Entry, line: Doc, quantity: Decimal) -> None:
    """What did not leave the stock at despatch leaves it now, and is allocated no more."""
    despatched = Decimal(line["despatch_receipt_quantity"])
    issued = Decimal(line.get("issued_quantity", "0"))
    held = held_of(line)
    kept = held if quantity == despatched else Decimal(0)
    issue(entry, line, quantity - issued, released=despatched - issued + held - kept)
    line["despatch_receipt_quantity"] = str(quantity)
    hold(entry, line, kept)


def mark_notes(entry: Entry, order: Doc) -> None:
    for note in entry.change.find(DESPATCHES, sop_order_id=order["id"]):
        for row in note["lines"]:
            if not row["is_invoiced"]:
                row.update(is_invoiced=True, date_time_updated=entry.stamp)
        entry.change.put(DESPATCHES, note["id"], note)
