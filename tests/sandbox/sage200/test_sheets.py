"""Our field sheets against Sage's own OpenAPI files: no invented name, no other type, length or scale."""

import json
from pathlib import Path

import pytest

from app.sandbox.sage200 import company_sheets, despatch_sheets, ledger_sheets, sheets, views
from app.sandbox.sage200.fields import Field, Fields

SPECS = Path(__file__).resolve().parents[3].parent / "shared/vendors/specs/sage200"
TYPES = {"int": "integer", "dec": "number", "bool": "boolean"}
TABLE = [
    ("sop", "/sop_orders", sheets.ORDER),
    ("sop", "/sop_orders#lines", sheets.LINE),
    ("sop", "/sop_orders#memos", sheets.MEMO),
    ("sop", "/sop_orders#delivery_address", sheets.DELIVERY_ADDRESS),
    ("sop", "/sop_orders#cash_account_invoice_address", sheets.CASH_ADDRESS),
    ("sop", "/sop_order_line_views", views.LINE_VIEW),
    ("sop", "/sop_order_return_views", views.RETURN_VIEW),
    ("sop", "/lookup_sop_orders", views.LOOKUP),
    ("sop", "/sop_settings", ledger_sheets.SOP_SETTINGS),
    ("sop", "/current_user_sop_user_permissions", ledger_sheets.PERMISSIONS),
    ("sop", "/sop_additional_charges", ledger_sheets.CHARGE),
    ("sop", "/sop_payment_methods", ledger_sheets.PAYMENT_METHOD),
    ("sop", "/sop_confirm_despatch", despatch_sheets.CONFIRM),
    ("sop", "/sop_confirm_despatch#items", despatch_sheets.CONFIRM_ITEM),
    ("sop", "/sop_confirm_despatch#tracking_items", despatch_sheets.TRACKING),
    ("sop", "/sop_despatch_discrete_orders", despatch_sheets.DISCRETE),
    ("sop", "/sop_despatch_receipts", despatch_sheets.RECEIPT),
    ("sop", "/sop_order_despatch_views", despatch_sheets.DESPATCH_VIEW),
    ("sop", "/sop_order_despatch_line_views", despatch_sheets.DESPATCH_LINE_VIEW),
    ("sop", "/sop_cancelled_lines", despatch_sheets.CANCELLED_LINE),
    ("general", "/couriers", despatch_sheets.COURIER),
    ("sales", "/customer_delivery_addresses", despatch_sheets.CUSTOMER_ADDRESS),
    ("sales", "/customers", company_sheets.CUSTOMER),
    ("sales", "/customer_views", company_sheets.CUSTOMER_VIEW),
    ("stock", "/products", company_sheets.PRODUCT),
    ("stock", "/product_views", company_sheets.PRODUCT_VIEW),
    ("stock", "/warehouses", company_sheets.WAREHOUSE),
    ("stock", "/warehouse_holdings", company_sheets.HOLDING),
    ("financials", "/tax_codes", ledger_sheets.TAX_CODE),
    ("financials", "/currencies", ledger_sheets.CURRENCY),
    ("financials", "/currency_iso_codes", ledger_sheets.CURRENCY_ISO_CODE),
    ("financials", "/country_codes", ledger_sheets.COUNTRY_CODE),
    ("nominal", "/nominal_codes", ledger_sheets.NOMINAL_CODE),
    ("nominal", "/cost_centres", ledger_sheets.COST_CENTRE),
    ("nominal", "/departments", ledger_sheets.COST_CENTRE),
    ("cash-book", "/banks", ledger_sheets.BANK),
    ("general", "/analysis_code_mappings", ledger_sheets.ANALYSIS_MAPPING),
    ("general", "/analysis_code_mappings#analysis_code", ledger_sheets.ANALYSIS_CODE),
    ("general", "/sites", ledger_sheets.SITE),
    ("general", "/current_user", ledger_sheets.USER),
    ("general", "/licence", ledger_sheets.LICENCE),
]


def properties(file: str, path: str) -> dict:
    spec = json.loads((SPECS / f"{file}.json").read_text())
    path, _, child = path.partition("#")
    content = spec["paths"][path]["get"]["responses"]["200"]["content"]
    found = resolve(spec, next(iter(content.values()))["schema"])
    return resolve(spec, found[child]) if child else found


def resolve(spec: dict, schema: dict) -> dict:
    while "properties" not in schema:
        if "$ref" in schema:
            schema = spec["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        else:
            schema = schema["items"]
    return schema["properties"]


def differs(name: str, ours: Field, theirs: dict) -> bool:
    if ours.kind in {"date", "stamp"}:
        return theirs.get("format") != "date-time"
    if ours.kind == "dec":
        return theirs.get("format") != f"decimal {ours.size}dp"
    if ours.kind == "str":
        # Sage declares texts that hold enum literals too short (correction 8).
        longer = name.endswith(("_type", "_basis")) and ours.size > theirs.get("maxLength", 0)
        return theirs["type"] != "string" or not (longer or theirs.get("maxLength") == ours.size)
    return ours.kind in TYPES and theirs["type"] != TYPES[ours.kind]


@pytest.mark.skipif(not SPECS.exists(), reason="Sage's OpenAPI files are not here")
@pytest.mark.parametrize(("file", "path", "fields"), TABLE, ids=[row[1] for row in TABLE])
def test_sheet_agrees_with_sages_own_file(file: str, path: str, fields: Fields):
    theirs = properties(file, path)
    assert [name for name in fields if name not in theirs] == []
    assert [name for name, field in fields.items() if differs(name, field, theirs[name])] == []


def test_lengths_that_callers_run_into():
    lengths = {
        name: sheets.ORDER[name].size for name in ("customer_document_no", "analysis_code_1", "spare_text_1")
    }
    assert lengths == {"customer_document_no": 30, "analysis_code_1": 60, "spare_text_1": 100}
