"""POST sop_orders: a whole order or nothing (sage200.md 9.1, 10.1)."""

from decimal import Decimal
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.addresses import copy_address
from app.sandbox.sage200.allocate import allocate_line
from app.sandbox.sage200.checks import as_list, check_object, need
from app.sandbox.sage200.lines import Entry, check_line, complete_line
from app.sandbox.sage200.locks import Record, check_lock
from app.sandbox.sage200.money import total_order
from app.sandbox.sage200.progress import DRAFT, LIVE, mark_progress
from app.sandbox.sage200.refusal import invalid
from app.sandbox.sage200.sheets import CASH_ADDRESS, DELIVERY_ADDRESS, MEMO, ORDER

ORDERS = "sage200.sop_order"
CHILDREN = frozenset({"lines", "memos", "delivery_address", "cash_account_invoice_address"})
CASH, NOT_AMENDABLE = "EnumCustomerTypeCash", "EnumAmendabilityTypeNotAmendable"


def enter_order(entry: Entry, body: Any, *, ghost: bool = False) -> Doc:
    """Stores the order and answers it. `ghost` leaves it as a draft under a temporary number, stock held."""
    order = check_object(body, ORDER, strict=entry.strict, also=CHILDREN)
    need(order, "customer_id")
    number, editing = order.pop("document_no", ""), order.pop("is_editing", False)
    order.pop("lock_id", None)
    customer = check_customer(entry, order)
    check_head(entry, order, body)
    check_rate(entry, order, customer)
    check_analysis(entry, order)
    order["lines"] = []
    for line in check_lines(body):
        add_line(entry, order, check_line(entry, line), customer)
    total_order(order, entry.method)
    check_credit(entry, order, customer)
    finish(entry, order, customer, draft=ghost or bool(editing))
    number_order(entry, order, number)
    for line in order["lines"]:
        allocate_line(entry, line)
    mark_progress(order)
    entry.change.put(ORDERS, order["id"], order)
    return order


def check_customer(entry: Entry, order: Doc) -> Doc:
    customer = entry.find("customer", order["customer_id"], "customer")
    check_lock(
        entry.world, entry.change, Record("customer", customer["id"], f"Customer {customer['reference']}")
    )
    pardoned = order.get("override_on_hold") and entry.setting("override_credit_holds")
    if customer["on_hold"] and not pardoned:
        raise invalid(f"The customer {customer['reference']} is on hold.")
    return customer


def check_head(entry: Entry, order: Doc, body: Doc) -> None:
    discount = Decimal(order.get("document_discount_percent", "0"))
    if abs(discount) > Decimal("99.99"):
        raise invalid("The property 'document_discount_percent' must be from -99.99 to 99.99.")
    check_period(entry, order)
    if order.get("customer_type") == CASH and not settings_of(entry)["allow_cash_orders"]:
        raise invalid("Orders of cash accounts are not allowed.")
    if order.get("payment_with_order"):
        need(order, "payment_method_id")
    if "payment_method_id" in order:
        method = entry.find("payment_method", order["payment_method_id"], "payment method")
        if method["card_processing_method"]:
            raise invalid("A payment by online card cannot be entered here.")
    if "customer_delivery_address_id" in body:
        order.update(delivery_address=copy_address(entry, order), use_invoice_address=False)
    if "delivery_address" in body:
        order["delivery_address"] = check_address(entry, body["delivery_address"])
    if "cash_account_invoice_address" in body:
        address = check_object(body["cash_account_invoice_address"], CASH_ADDRESS, strict=entry.strict)
        order["cash_account_invoice_address"] = address
    if "memos" in body:
        order["memos"] = [
            check_object(memo, MEMO, strict=entry.strict) for memo in as_list("memos", body["memos"])
        ]


def check_period(entry: Entry, order: Doc) -> None:
    """Dates before the first open day are refused with a text (flows.md 7.1)."""
    day = order.get("document_date", entry.stamp)[:10]
    if day < entry.setting("periods_open_from"):
        raise invalid(f"The document date {day} falls into an accounting period that is closed.")


def check_rate(entry: Entry, order: Doc, customer: Doc) -> None:
    """A rate can be given where the currency is amendable (sage200.md 14); the base currency has none but 1."""
    if "exchange_rate" not in order:
        return
    currency = entry.find("currency", customer["currency_id"], "currency")
    rate, own = Decimal(order["exchange_rate"]), Decimal(currency["core_currency_rate"])
    fixed = currency["is_base_currency"] or currency["exchange_rate_amendability_type"] == NOT_AMENDABLE
    if rate <= 0 or (fixed and rate != own):
        raise invalid("The property 'exchange_rate' cannot be changed to this.")


def settings_of(entry: Entry) -> Doc:
    return entry.change.all("sage200.sop_settings")[0]


def check_address(entry: Entry, body: Any) -> Doc:
    address = check_object(body, DELIVERY_ADDRESS, strict=entry.strict)
    if "tax_code_id" in address:
        entry.find("tax_code", address["tax_code_id"], "tax code")
    if "country_code_id" in address:
        entry.find("country_code", address["country_code_id"], "country code")
    return {**address, "date_time_created": entry.stamp, "date_time_updated": entry.stamp}


def check_analysis(entry: Entry, order: Doc) -> None:
    for mapping in entry.change.find(
        "sage200.analysis_code_mapping", class_name="Sage.Accounting.SOP.SOPOrderReturn"
    ):
        value = order.get(f"analysis_code_{mapping['slot']}", "")
        code = mapping["analysis_code"]
        if value and (mapping["is_read_only"] or not entry.setting("amend_header_analysis_codes")):
            raise invalid(f"The analysis code '{code['name']}' cannot be amended.")
        if not value and mapping["is_mandatory"]:
            raise invalid(f"The analysis code '{code['name']}' is required.")
        if value and not code["allow_overtype"] and value not in code["values"]:
            raise invalid(f"'{value}' is no value of the analysis code '{code['name']}'.")


def check_lines(body: Doc) -> list[Any]:
    lines = as_list("lines", body.get("lines", []))
    if not lines:
        raise invalid("A sales order needs a line.")
    return lines


def add_line(entry: Entry, order: Doc, line: Doc, customer: Doc) -> None:
    complete_line(entry, line, customer, Decimal(order.get("document_discount_percent", "0")))
    line.pop("id", None)
    line.update(
        id=entry.change.next_id("sage200.id", 27_000),
        line_number=len(order["lines"]) + 1,
        allocated_quantity="0",
        despatch_receipt_quantity="0",
        invoice_credit_quantity="0",
        posted_invoice_credit_quantity="0",
        is_complete=False,
        is_line_deletable=True,
        date_time_created=entry.stamp,
        date_time_updated=entry.stamp,
    )
    order["lines"].append(line)


def check_credit(entry: Entry, order: Doc, customer: Doc) -> None:
    limit = Decimal(customer["credit_limit"])
    if limit <= 0:
        return
    open_orders = entry.change.find(ORDERS, customer_id=customer["id"], document_status=LIVE)
    owed = sum(Decimal(other["total_gross_value"]) for other in open_orders if other["id"] != order.get("id"))
    order["is_credit_limit_exceeded"] = owed + Decimal(order["total_gross_value"]) > limit
    pardoned = order.get("override_on_hold") and entry.setting("override_credit_holds")
    if order["is_credit_limit_exceeded"] and not pardoned:
        raise invalid(f"The order takes the customer {customer['reference']} over the credit limit.")


def finish(entry: Entry, order: Doc, customer: Doc, *, draft: bool) -> None:
    order_id = entry.change.next_id("sage200.id", 27_000)
    for line in order["lines"]:
        line["sop_order_id"] = order_id
    currency = entry.find("currency", customer["currency_id"], "currency")
    defaults = {
        "customer_type": "EnumCustomerTypeCredit",
        "document_date": f"{entry.stamp[:10]}T00:00:00",
        "exchange_rate": currency["core_currency_rate"],
        "use_invoice_address": "delivery_address" not in order,
        "document_created_by": entry.user,
        "document_discount_percent": "0",
        "is_credit_limit_exceeded": False,
    }
    for name, value in defaults.items():
        order.setdefault(name, value)
    order.update(
        id=order_id,
        is_draft=draft,
        document_status=DRAFT if draft else LIVE,
        currency_id=customer["currency_id"],
        date_time_created=entry.stamp,
        date_time_updated=entry.stamp,
    )


def number_order(entry: Entry, order: Doc, number: str) -> None:
    """Ten digits, unless the company numbers by hand; a draft waits for its number under a `##` one."""
    if order["is_draft"]:
        order["document_no"] = f"##{entry.change.next_id('sage200.draft_no'):08d}"
    elif entry.setting("auto_generate_order_return_numbers"):
        order["document_no"] = f"{entry.change.next_id('sage200.document_no'):010d}"
    else:
        need({"document_no": number}, "document_no")
        if entry.change.find(ORDERS, document_no=number):
            raise invalid(f"The document number {number} is used already.")
        order["document_no"] = number
