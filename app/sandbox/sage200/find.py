"""Records as people name them: by number, code or name."""

from app.sandbox.mirror import Doc
from app.sandbox.sage200.amend import record_of
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.locks import Record
from app.sandbox.sage200.refusal import Refused


def find_one(entry: Entry, entity: str, code: object, *fields: str) -> Doc:
    """By id, or by any of the fields."""
    found = [entry.change.get(f"sage200.{entity}", str(code))]
    found += [doc for field in fields for doc in entry.change.find(f"sage200.{entity}", **{field: code})]
    doc = next(filter(None, found), None)
    if doc is None:
        raise Refused(404, f"no {entity} {code}")
    return doc


def find_document(entry: Entry, wish: Doc) -> Doc:
    """`order`: id, document number or customer document number."""
    return find_one(entry, "sop_order", wish["order"], "document_no", "customer_document_no")


def find_record(entry: Entry, wish: Doc) -> Record:
    if "order" in wish:
        return record_of(find_document(entry, wish))
    if "customer" in wish:
        customer = find_one(entry, "customer", wish["customer"], "reference")
        return Record("customer", customer["id"], f"Customer {customer['reference']}")
    product = find_one(entry, "product", wish["product"], "code")
    return Record("product", product["id"], f"Product {product['code']}")


def find_line(order: Doc, wish: Doc) -> Doc:
    """`line` (id) or `sku`."""
    lines: list[Doc] = order["lines"]
    for line in lines:
        if line["id"] == wish.get("line") or ("sku" in wish and line.get("code") == wish["sku"]):
            return line
    raise Refused(404, f"no such line in {order['document_no']}")
