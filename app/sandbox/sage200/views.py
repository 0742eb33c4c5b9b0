"""The `*_views` and `lookup_*` resources: flat rows out of several documents (sage200.md 9, corrections 3, 5, 9)."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200 import company_sheets
from app.sandbox.sage200.fields import ENUMS, Fields, declare
from app.sandbox.sage200.resources import PREFIX, Lazy, Resource

Getter = Callable[[Any], Any]
LINE_VIEW = declare(
    """
sop_order_id int
sop_order_document_no str20
sop_order_document_date date
sop_order_document_status enum:document_status
sop_order_customer_document_no str30
sop_order_currency_id int
sop_order_exchange_rate dec6
sop_order_subtotal_goods_value dec2
sop_order_subtotal_charge_net_value dec2
sop_order_subtotal_charge_tax_value dec2
sop_order_subtotal_discount_value dec2
sop_order_requested_delivery_date date
sop_order_promised_delivery_date date
sop_order_document_discount_percent dec2
sop_order_document_created_by str30
sop_order_analysis_code_{1..20} str60
sop_order_date_time_updated stamp
sop_order_line_id int
sop_order_line_number int
sop_order_line_type enum:line_type
sop_order_line_product_code str30
sop_order_line_product_description str1000
sop_order_line_quantity dec5
sop_order_line_allocated_quantity dec5
sop_order_line_despatch_receipt_quantity dec5
sop_order_line_invoice_credit_quantity dec5
sop_order_line_selling_unit_price dec5
sop_order_line_unit_discount_percent dec2
sop_order_line_unit_discount_value dec5
sop_order_line_total_value dec2
sop_order_line_line_tax_value dec2
sop_order_line_discounted_unit_price dec5
sop_order_line_analysis_code_{1..20} str60
sop_order_line_date_time_updated stamp
customer_id int
customer_reference str8
customer_name str60
product_id int
product_code str30
product_name str60
warehouse_id int
warehouse_name str20
tax_code_id int
tax_code_code int
tax_code_name str60
tax_code_rate dec2
"""
)
RETURN_VIEW = declare(
    """
id int
document_no str20
document_date date
document_type_id int
document_status_id int
customer_document_no str30
currency_id int
exchange_rate dec6
are_prices_tax_inclusive bool
subtotal_goods_value dec2
subtotal_charge_net_value dec2
subtotal_charge_tax_value dec2
subtotal_discount_value dec2
total_net_value dec2
total_tax_value dec2
total_gross_value dec2
document_created_by str30
analysis_code_{1..20} str60
date_time_updated stamp
customer_id int
customer_reference str8
customer_name str60
"""
)
LOOKUP = declare(
    "id int\ndocument_no str20\ncustomer_id int\ncustomer_document_no str20\ndocument_status_id int\n"
)
LINE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "sop_order_line_product_code": "code",
        "sop_order_line_product_description": "description",
        "sop_order_line_quantity": "line_quantity",
        "sop_order_line_id": "id",
        "sop_order_line_number": "line_number",
        "sop_order_line_type": "line_type",
        "sop_order_line_total_value": "line_total_value",
    }
)


def stored(name: str, cut: int = 0) -> Getter:
    if cut:
        return lambda doc: None if doc.get(name) is None else doc[name][:cut]
    return lambda doc: doc.get(name)


def linked(entity: str, key: str, name: str) -> Callable[[View], Getter]:
    def of(view: View) -> Getter:
        return lambda doc: next(view.seek(PREFIX + entity, id=doc.get(key)), {}).get(name)

    return of


def status_number(doc: Doc) -> int:
    return ENUMS["document_status"].index(doc["document_status"])


LINKS = (
    ("customer_", "customer", "customer_id"),
    ("product_", "product", "product_id"),
    ("warehouse_", "warehouse", "warehouse_id"),
    ("tax_code_", "tax_code", "tax_code_id"),
)


def line_getters(view: View) -> dict[str, Getter]:
    """Getters over an (order, line) pair."""
    return {name: line_getter(view, name) for name in LINE_VIEW}


def line_getter(view: View, name: str) -> Getter:
    link = next((link for link in LINKS if name.startswith(link[0]) and name != link[2]), None)
    if link is not None:
        field = "tax_rate" if name == "tax_code_rate" else name.removeprefix(link[0])
        return at(linked(link[1], link[2], field)(view), 0 if link[1] == "customer" else 1)
    if name.startswith("sop_order_line_"):
        cut = 1000 if "description" in name else 0
        return at(stored(LINE_NAMES.get(name, name.removeprefix("sop_order_line_")), cut), 1)
    if name.startswith("sop_order_"):
        return at(stored("id" if name == "sop_order_id" else name.removeprefix("sop_order_")), 0)
    return at(stored(name), 0 if name == "customer_id" else 1)


def at(getter: Getter, place: int) -> Getter:
    return lambda pair: getter(pair[place])


def line_rows(view: View) -> Callable[[Doc], Iterable[Lazy]]:
    getters = line_getters(view)
    return lambda order: [Lazy(getters, (order, line)) for line in order["lines"]]


def rows_with(
    fields: Fields, special: Callable[[View], dict[str, Getter]]
) -> Callable[[View], Callable[[Doc], Iterable[Lazy]]]:
    def of(view: View) -> Callable[[Doc], Iterable[Lazy]]:
        getters = {name: stored(name) for name in fields} | special(view)
        return lambda doc: [Lazy(getters, doc)]

    return of


def return_specials(view: View) -> dict[str, Getter]:
    return {
        "document_type_id": lambda _: 0,
        "document_status_id": status_number,
        "are_prices_tax_inclusive": lambda doc: doc["are_prices_tax_inclusive"],
        "customer_reference": linked("customer", "customer_id", "reference")(view),
        "customer_name": linked("customer", "customer_id", "name")(view),
    }


def lookup_specials(_: View) -> dict[str, Getter]:
    return {"document_status_id": status_number, "customer_document_no": stored("customer_document_no", 20)}


def customer_specials(view: View) -> dict[str, Getter]:
    def iso(doc: Doc) -> Any:
        currency = next(view.seek(f"{PREFIX}currency", id=doc.get("currency_id")), {})
        return next(view.seek(f"{PREFIX}currency_iso_code", id=currency.get("currency_iso_code_id")), {}).get(
            "code"
        )

    return {
        "country_code": linked("country_code", "country_code_id", "code")(view),
        "currency_name": linked("currency", "currency_id", "name")(view),
        "currency_symbol": linked("currency", "currency_id", "symbol")(view),
        "currency_iso_code_id": linked("currency", "currency_id", "currency_iso_code_id")(view),
        "currency_iso_code": iso,
        "default_tax_rate_id": stored("default_tax_code_id"),
        "default_tax_rate_code": linked("tax_code", "default_tax_code_id", "code")(view),
        "default_tax_rate_name": linked("tax_code", "default_tax_code_id", "name")(view),
        "default_tax_rate": linked("tax_code", "default_tax_code_id", "tax_rate")(view),
        "account_is_on_hold": stored("on_hold"),
    }


def product_specials(view: View) -> dict[str, Getter]:
    def total(name: str) -> Getter:
        return lambda doc: str(
            sum(
                Decimal(holding[name])
                for holding in view.seek(f"{PREFIX}warehouse_holding", product_id=doc["id"])
            )
        )

    return {
        "status_type": stored("product_status_type"),
        "selling_price": stored("list_price"),
        "confirmed_quantity_in_stock": total("confirmed_qty_in_stock"),
        "quantity_reserved": total("quantity_reserved"),
        "quantity_allocated_sop": total("quantity_allocated_sop"),
        "free_stock_quantity": total("free_stock_available"),
    }


VIEWS: Mapping[str, Resource] = MappingProxyType(
    {
        "sop_order_line_views": Resource("sop_order", LINE_VIEW, by_id=False, project=line_rows),
        "sop_order_return_views": Resource(
            "sop_order", RETURN_VIEW, by_id=False, project=rows_with(RETURN_VIEW, return_specials)
        ),
        "lookup_sop_orders": Resource(
            "sop_order", LOOKUP, by_id=False, project=rows_with(LOOKUP, lookup_specials)
        ),
        "customer_views": Resource(
            "customer",
            company_sheets.CUSTOMER_VIEW,
            by_id=False,
            project=rows_with(company_sheets.CUSTOMER_VIEW, customer_specials),
        ),
        "product_views": Resource(
            "product",
            company_sheets.PRODUCT_VIEW,
            by_id=False,
            project=rows_with(company_sheets.PRODUCT_VIEW, product_specials),
        ),
    }
)
