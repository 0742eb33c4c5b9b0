"""The resources that can be read, and how a stored document becomes one."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200 import company_sheets, ledger_sheets, sheets
from app.sandbox.sage200.fields import Fields, half_up
from app.sandbox.sage200.filters import Row

Derive = Callable[[View, Row], Any]
Gather = Callable[[list[Row], frozenset[str]], list[Row]]
PREFIX = "sage200."


@dataclass(frozen=True, slots=True)
class Child:
    """What a row can be expanded by; `fields` are those of the record, or of each record, that it finds."""

    fields: Fields
    find: Derive


@dataclass(frozen=True, slots=True)
class Resource:
    """`entity`: the documents behind it. `project`: rows out of each document, none = the document is the row.
    `by_id`: whether a single one can be read. `derived`: fields worked out when shown, which can be neither filtered
    nor sorted by. `filters`: what can be filtered on, if not the fields. `gather`: joins the rows that were found, given
    the names that the filter asked about. `keys`: fields of a projected row that are fields of its document. `own`: the
    order in which rows come unasked.
    """

    entity: str
    fields: Fields
    expands: Mapping[str, Child] = field(default_factory=dict)
    by_id: bool = True
    project: Callable[[View], Callable[[Doc], Iterable[Row]]] | None = None
    only_one: bool = False
    derived: Mapping[str, Derive] = field(default_factory=dict)
    filters: Fields | None = None
    gather: Gather | None = None
    keys: Mapping[str, str] = field(default_factory=dict)
    own: tuple[tuple[str, bool], ...] = ()

    def rows(self, view: View, docs: Iterable[Doc]) -> Iterable[Row]:
        if self.project is None:
            return docs
        project = self.project(view)
        return (row for doc in docs for row in project(doc))


class Lazy:
    """A row whose fields are worked out when asked for, so that a filter over many rows stays cheap."""

    __slots__ = ("_getters", "_source")

    def __init__(self, getters: Mapping[str, Callable[[Any], Any]], source: Any) -> None:
        self._getters = getters
        self._source = source

    def get(self, name: str, /) -> Any:
        getter = self._getters.get(name)
        return None if getter is None else getter(self._source)


def show(fields: Fields, row: Row) -> Doc:
    return {name: kind.show(row.get(name)) for name, kind in fields.items()}


def first(view: View, entity: str, **equal: Any) -> Doc:
    return next(view.seek(PREFIX + entity, **equal), {})


def child(key: str, entity: str, fields: Fields) -> Child:
    """One document that the row names by id in `key`."""

    def expand(view: View, row: Row) -> Doc | None:
        found = next(view.seek(PREFIX + entity, id=row.get(key)), None)
        return None if found is None else show(fields, found)

    return Child(fields, expand)


def children(entity: str, key: str, fields: Fields) -> Child:
    """Documents that name the row by its id in `key`."""

    def expand(view: View, row: Row) -> list[Doc]:
        return [show(fields, doc) for doc in view.seek(PREFIX + entity, **{key: row.get("id")})]

    return Child(fields, expand)


def inside(key: str, fields: Fields) -> Child:
    """What is stored within the document itself."""

    def expand(_: View, row: Row) -> Any:
        value = row.get(key)
        if isinstance(value, list):
            return [show(fields, each) for each in value]
        return None if value is None else show(fields, value)

    return Child(fields, expand)


def free_stock(view: View, row: Row) -> Decimal:
    holdings = view.seek(f"{PREFIX}warehouse_holding", product_id=row.get("id"))
    return half_up(sum((Decimal(holding["free_stock_available"]) for holding in holdings), Decimal(0)), 5)


COUNTRY = child("country_code_id", "country_code", ledger_sheets.COUNTRY_CODE)
CUSTOMER = child("customer_id", "customer", company_sheets.CUSTOMER)
CURRENCY = child("currency_id", "currency", ledger_sheets.CURRENCY)
TAX_CODE = child("tax_code_id", "tax_code", ledger_sheets.TAX_CODE)
NOMINAL = child("nominal_code_id", "nominal_code", ledger_sheets.NOMINAL_CODE)
PRODUCT = child("product_id", "product", company_sheets.PRODUCT)
WAREHOUSE = child("warehouse_id", "warehouse", company_sheets.WAREHOUSE)
METHOD = child("payment_method_id", "payment_method", ledger_sheets.PAYMENT_METHOD)

DIRECT: Mapping[str, Resource] = MappingProxyType(
    {
        "customers": Resource(
            "customer",
            company_sheets.CUSTOMER,
            MappingProxyType(
                {
                    "currency": CURRENCY,
                    "country_code": COUNTRY,
                    "default_tax_code": child("default_tax_code_id", "tax_code", ledger_sheets.TAX_CODE),
                    "default_nominal_code": child(
                        "default_nominal_code_id", "nominal_code", ledger_sheets.NOMINAL_CODE
                    ),
                    "main_address": inside("main_address", sheets.CASH_ADDRESS),
                }
            ),
        ),
        "products": Resource(
            "product",
            company_sheets.PRODUCT,
            MappingProxyType(
                {
                    "tax_code": TAX_CODE,
                    "product_group": child("product_group_id", "product_group", company_sheets.PRODUCT_GROUP),
                    "revenue_nominal_code": child(
                        "revenue_nominal_code_id", "nominal_code", ledger_sheets.NOMINAL_CODE
                    ),
                    "warehouse_holdings": children("warehouse_holding", "product_id", company_sheets.HOLDING),
                }
            ),
            derived=MappingProxyType({"free_stock_quantity": free_stock}),
        ),
        "product_groups": Resource("product_group", company_sheets.PRODUCT_GROUP),
        "warehouses": Resource(
            "warehouse", company_sheets.WAREHOUSE, MappingProxyType({"country_code": COUNTRY})
        ),
        "warehouse_holdings": Resource(
            "warehouse_holding",
            company_sheets.HOLDING,
            MappingProxyType({"product": PRODUCT, "warehouse": WAREHOUSE}),
        ),
        "tax_codes": Resource("tax_code", ledger_sheets.TAX_CODE),
        "currencies": Resource(
            "currency",
            ledger_sheets.CURRENCY,
            MappingProxyType(
                {
                    "currency_iso_code": child(
                        "currency_iso_code_id", "currency_iso_code", ledger_sheets.CURRENCY_ISO_CODE
                    )
                }
            ),
        ),
        "currency_iso_codes": Resource("currency_iso_code", ledger_sheets.CURRENCY_ISO_CODE),
        "country_codes": Resource("country_code", ledger_sheets.COUNTRY_CODE),
        "nominal_codes": Resource(
            "nominal_code",
            ledger_sheets.NOMINAL_CODE,
            MappingProxyType(
                {
                    "cost_centre": child("cost_centre_id", "cost_centre", ledger_sheets.COST_CENTRE),
                    "department": child("department_id", "department", ledger_sheets.COST_CENTRE),
                }
            ),
        ),
        "cost_centres": Resource("cost_centre", ledger_sheets.COST_CENTRE),
        "departments": Resource("department", ledger_sheets.COST_CENTRE),
        "sop_additional_charges": Resource(
            "charge", ledger_sheets.CHARGE, MappingProxyType({"tax_code": TAX_CODE, "nominal_code": NOMINAL})
        ),
        "sop_payment_methods": Resource(
            "payment_method", ledger_sheets.PAYMENT_METHOD, MappingProxyType({"currency": CURRENCY})
        ),
        "banks": Resource("bank", ledger_sheets.BANK),
        "analysis_code_mappings": Resource(
            "analysis_code_mapping",
            ledger_sheets.ANALYSIS_MAPPING,
            MappingProxyType({"analysis_code": inside("analysis_code", ledger_sheets.ANALYSIS_CODE)}),
        ),
        "sop_orders": Resource(
            "sop_order",
            sheets.ORDER,
            MappingProxyType(
                {
                    "lines": inside("lines", sheets.LINE),
                    "memos": inside("memos", sheets.MEMO),
                    "delivery_address": inside("delivery_address", sheets.DELIVERY_ADDRESS),
                    "cash_account_invoice_address": inside(
                        "cash_account_invoice_address", sheets.CASH_ADDRESS
                    ),
                    "customer": CUSTOMER,
                    "currency": CURRENCY,
                    "payment_method": METHOD,
                }
            ),
        ),
        "sites": Resource("site", ledger_sheets.SITE, by_id=False),
        "current_user": Resource("user", ledger_sheets.USER, by_id=False, only_one=True),
        "licence": Resource("licence", ledger_sheets.LICENCE, by_id=False, only_one=True),
        "sop_settings": Resource("sop_settings", ledger_sheets.SOP_SETTINGS),
        "current_user_sop_user_permissions": Resource("permissions", ledger_sheets.PERMISSIONS, by_id=False),
    }
)
