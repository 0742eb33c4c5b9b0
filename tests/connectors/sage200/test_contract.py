"""Whatever this connector sends fits the contract: our slice of it always, Sage's own files where they lie beside us."""

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import simplejson
from jsonschema import Draft202012Validator

from app.connectors.sage200 import contents, payloads, prices
from app.domain.amend import Amendment, Revision
from app.domain.erp import Nominal, Quote, Wanted
from app.domain.lanes import normalise
from tests.connectors.sage200.stage import TABLES, Remembering, order

ROOT = Path(__file__).parents[3]
SPECS = ROOT.parent / "shared" / "vendors" / "specs" / "sage200"
SLICE = simplejson.loads((ROOT / "openapi" / "vendors" / "sage200.json").read_text(), use_decimal=True)
PREFIX = "/uk/sage200extra/accounts/v1"

# Where Sage's file for a resource is, and what the file calls its record.
FILED = {
    "sop_orders": ("sop", "sop_order"),
    "sop_order_return_views": ("sop", "sop_order_return_view"),
    "sop_despatch_receipts": ("sop", "sop_despatch_receipt"),
    "sop_order_despatch_line_views": ("sop", "sop_order_despatch_line_view"),
    "sop_order_despatch_views": ("sop", "sop_order_despatch_view"),
    "sop_additional_charges": ("sop", "sop_additional_charge"),
    "sop_settings": ("sop", "sop_settings"),
    "current_user_sop_user_permissions": ("sop", "sop_user_permission"),
    "customer_price_enquiry": ("sales", "customer_price_enquiry"),
    "customers": ("sales", "customer"),
    "products": ("stock", "product"),
    "product_groups": ("stock", "product_group"),
    "warehouses": ("stock", "warehouse"),
    "tax_codes": ("financials", "tax_code"),
    "currencies": ("financials", "currency"),
    "country_codes": ("financials", "country_code"),
    "nominal_codes": ("nominal", "nominal_code"),
    "analysis_code_mappings": ("general", "analysis_code_mapping"),
    "licence": ("general", "licence"),
    "sites": ("general", "site"),
}
FILED_BODIES = {
    "sop_orders": ("sop", "sop_order"),
    "customer_price_enquiry": ("sales", "customer_price_enquiry_request"),
}

# Where we do not do what Sage's files say, and why. Nothing else may differ.
EXCEPTIONS = {
    (
        "sop_order",
        "required",
        "document_no",
    ): "Sage numbers orders itself; preflight checks that it does (9.1)",
    (
        "sop_order_line",
        "required",
        "code",
    ): "Standard lines name their product by id, free text has none (9.2)",
    ("sop_order_line", "required", "description"): "comes from the product or the charge (9.2)",
    ("sop_order_line", "required", "line_quantity"): "a charge has no quantity (9.2)",
    ("sop_order_line", "required", "product_id"): "Standard lines only, by its own description",
    ("sop_order_line", "required", "warehouse_id"): "Standard lines only, by its own description",
}
NEEDED = {
    "EnumLineTypeStandard": {"product_id", "warehouse_id", "line_quantity"},
    "EnumLineTypeCharge": {"code"},
    "EnumLineTypeFreeText": {"description", "line_quantity"},
}
# In the slice, and proven on the sandbox (tests/sandbox/sage200/test_slice.py), but not sent yet.
UNSENT = {
    "add_customer_delivery_address",
    "correct_sop_despatch_receipt",
    "delete_sop_order",
    "get_sop_despatch_receipt",
    "list_customer_delivery_addresses",
    "list_sop_cancelled_lines",
    "list_sop_despatch_discrete_orders",
}
# Sent, and held against the slice, in test_confirm.py.
ELSEWHERE = {"confirm_despatch", "list_couriers", "list_sop_confirm_despatch"}
# Lengths and types of our slice that are narrower or wider than Sage's files on purpose.
SLICE_DIFFERS = {
    ("sop_order_sent", "customer_document_no"): "20 keeps `lookup_sop_orders` whole",
    ("charge_line_sent", "code"): "additional charges are declared with 20",
    ("sop_order", "document_status"): "20 is shorter than its own literals (8); a number is possible",
}


@pytest.fixture
async def sent(opened, sage, clock):
    """Every request of a working day: look-ups, probes, all kinds of lines, preflight."""
    erp = await opened()
    await erp.facts(
        Wanted(frozenset({"WEBGBP", "O'NEIL"}), frozenset({"DRESS-S", "tee-m"}), frozenset({"501", "502"}))
    )
    goods, carriage, rounding = order().entries
    half = replace(goods, quantity=Decimal("1E+2"), unit_net=Decimal("0.12345"))
    bare = replace(carriage, code="", description="Handling")
    await erp.prices({Quote("WEBGBP", normalise("DRESS-S"), 2)})
    await erp.place(order(), lambda: None)
    await erp.place(order(key="CEN-2", entries=(half, bare, rounding)), lambda: None)
    long = replace(
        order().delivery, lines=("l" * 60,) * 4, contact="c" * 235, phone="0" * 30, county="k" * 60
    )
    await erp.place(order(key="CEN-3", delivery=long, analysis={1: "P" * 60, 20: "x"}), lambda: None)
    sage.tables["sop_order_return_views"] = [{"id": 9, "customer_document_no": "CEN-4"}]
    await erp.probe(["CEN-1", "CEN-4"])
    await amend_everything(erp, order(key="CEN-2", entries=(half, bare, rounding)))
    assert await erp.preflight() == ()
    sage.tables["sop_despatch_receipts"] = [
        {"id": 1, "despatch_no": "7", "date_time_updated": "2026-03-02T10:00:00Z"}
    ]
    await erp.notes([1, 2])
    for poll in erp.polls.values():
        await poll({}, clock())
    return sage.requests


async def amend_everything(erp, placed) -> None:
    """All that an amendment can hold, and a release."""
    (document,) = (await erp.probe([placed.key]))[placed.key]

    def decide(held) -> Amendment | None:
        goods, charge, text = held.lines[:3]
        if goods.entry.quantity == 7 or len(held.lines) > 3:
            return None
        more = replace(
            goods.entry, quantity=goods.entry.quantity + 1, tax_code="2", nominal=replace(goods.entry.nominal)
        )
        moved = replace(more, nominal=Nominal("99999"), unit_net=Decimal("1.5"))
        added = (replace(placed.entries[0], quantity=Decimal(3)), order().entries[1], placed.entries[2])
        delivery = replace(held.delivery, city="York", county="", phone="0113")
        changed = ((goods, moved), (charge, replace(charge.entry, net=Decimal("3.99"))))
        days = (date(2027, 8, 1), None)
        return Amendment((text,), changed, added, delivery, {2: "x" * 60}, days)

    await erp.change(Revision(document.id, decide, placed), Remembering())
    await erp.change(Revision(document.id, cut, None), Remembering())
    await erp.release(document.id, 1)


def cut(held) -> Amendment | None:
    goods = held.lines[0]
    if goods.entry.quantity == 1:
        return None
    return Amendment(changed=((goods, replace(goods.entry, quantity=Decimal(1))),))


def operation(request) -> tuple[dict[str, Any], str]:
    path = re.sub(r"/\d+$", "/{id}", request.url.path.removeprefix(PREFIX))
    return SLICE["paths"][path][request.method.lower()], path.strip("/").split("/")[0]


def options(request) -> dict[str, str]:
    return dict(request.url.params)


def schema(part: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": SLICE["components"], **part})


def parameters(action) -> dict[str, dict[str, Any]]:
    named = (SLICE["components"]["parameters"][each["$ref"].rpartition("/")[2]] for each in refs(action))
    return {each["name"]: each for each in named}


def refs(action) -> list[dict[str, Any]]:
    return [each for each in action.get("parameters", []) if "$ref" in each]


@pytest.mark.parametrize("name", sorted(SLICE["components"]["schemas"]))
def test_the_slice_is_sound(name):
    Draft202012Validator.check_schema(
        simplejson.loads(simplejson.dumps(SLICE["components"]["schemas"][name]))
    )


async def test_every_request_is_one_of_the_slice(sent):
    named = {operation(request)[0]["operationId"] for request in sent}
    every = {action["operationId"] for path in SLICE["paths"].values() for action in path.values()}
    assert (named | UNSENT | ELSEWHERE, named & (UNSENT | ELSEWHERE)) == (every, set())


async def test_every_header_and_option_is_declared_and_fits(sent):
    for request in sent:
        declared = parameters(operation(request)[0])
        assert options(request).keys() <= declared.keys()
        for name, parameter in declared.items():
            value = request.headers.get(name) if parameter["in"] == "header" else options(request).get(name)
            assert value is not None or not parameter.get("required")
            if value is not None:
                whole = parameter["schema"].get("type") == "integer"
                schema(parameter["schema"]).validate(int(value) if whole else value)


async def test_every_field_in_an_option_is_declared(sent):
    for request in sent:
        action, resource = operation(request)
        assert filtered(request) <= set(action.get("x-filters", []))
        assert listed(request, "$expand") <= set(action.get("x-expands", []))
        name = FILED[resource][1]
        assert listed(request, "$select") <= SLICE["components"]["schemas"][name]["properties"].keys()


async def test_every_body_fits_the_slice(sent):
    bodies = [request for request in sent if request.method in {"POST", "PUT"}]
    assert [request.method for request in bodies] == ["POST"] * 4 + ["PUT"] * 3
    for request in bodies:
        part = operation(request)[0]["requestBody"]["content"]["application/json"]["schema"]
        schema(part).validate(simplejson.loads(request.content, use_decimal=True))


def bodies(sent) -> list[dict[str, Any]]:
    return [simplejson.loads(each.content, use_decimal=True) for each in sent if each.method == "POST"]


def filtered(request) -> set[str]:
    return set(re.findall(r"(\w+) eq ", options(request).get("$filter", "")))


def listed(request, name: str) -> set[str]:
    return set(filter(None, options(request).get(name, "").split(",")))


@pytest.mark.parametrize(
    "spoil",
    [
        {"document_date": "2026-03-02"},
        {"document_date": "2026-03-02T10:00:00Z"},
        {"customer_id": "501"},
        {"customer_id": None},
        {"customer_document_no": "C" * 21},
        {"order_date": "2026-03-02T00:00:00Z"},
        {"document_no": ""},
        {"analysis_code_21": "x"},
        {"analysis_code_1": "x" * 61},
        {"spare_text_1": None},
        {"lines": []},
        {"lines": [{"line_type": "EnumLineTypeStandard", "product_id": 1}]},
        {"delivery_address": {"postcode": "12345678901"}},
        {"delivery_address": {"address_5": "x"}},
    ],
)
async def test_the_slice_refuses_a_spoilt_body(sent, spoil):
    body = next(each for each in bodies(sent) if "lines" in each)
    assert not schema({"$ref": "#/components/schemas/sop_order_sent"}).is_valid(body | spoil)


@pytest.mark.parametrize(
    ("line", "spoil"),
    [
        (0, {"line_type": "Standard"}),
        (0, {"selling_unit_price": Decimal("0.000001")}),
        (0, {"selling_unit_price": "19.95"}),
        (0, {"nominal_reference": "123456789"}),
        (0, {"line_total_value": Decimal(1)}),
        (1, {"line_quantity": 1}),
        (1, {"product_id": 1}),
        (2, {"description": ""}),
    ],
)
async def test_the_slice_refuses_a_spoilt_line(sent, line, spoil):
    body = next(each for each in bodies(sent) if "lines" in each)
    body["lines"][line] |= spoil
    assert not schema({"$ref": "#/components/schemas/sop_order_sent"}).is_valid(body)


@pytest.mark.parametrize("resource", sorted(set(TABLES) - {"sop_orders", "sop_order_return_views"}))
def test_the_canned_records_fit_the_slice(resource):
    for row in TABLES[resource]:
        schema({"$ref": f"#/components/schemas/{FILED[resource][1]}"}).validate(row)


READ = {
    "sop_order": payloads.OrderRow,
    "sop_order_line": contents.WholeLine,
    "delivery_address": contents.AddressRow,
    "sop_order_return_view": payloads.ViewRow,
    "customer": payloads.CustomerRow,
    "product": payloads.ProductRow,
    "customer_price_enquiry": prices.PriceRow,
    "tax_code": payloads.TaxRow,
    "warehouse": payloads.WarehouseRow,
    "sop_additional_charge": payloads.ChargeRow,
    "country_code": payloads.CountryRow,
    "currency": payloads.CurrencyRow,
    "nominal_code": payloads.NominalRow,
    "analysis_code_mapping": payloads.AnalysisRow,
    "sop_settings": payloads.SettingsRow,
}


@pytest.mark.parametrize("name", sorted(READ))
def test_every_field_that_is_read_is_in_the_slice(name):
    ours = set(READ[name].model_fields) - {"trace"}  # put in by us, out of a spare field
    assert ours <= SLICE["components"]["schemas"][name]["properties"].keys()


# From here on against Sage's own files.

with_files = pytest.mark.skipif(
    not SPECS.is_dir(), reason="Sage's OpenAPI files are not beside this checkout"
)


def filed(file: str, name: str) -> dict[str, Any]:
    return simplejson.loads((SPECS / f"{file}.json").read_text())["components"]["schemas"][name]


@with_files
async def test_every_field_in_an_option_exists_in_sages_files(sent):
    for request in sent:
        record = filed(*FILED[operation(request)[1]])
        named = filtered(request) | listed(request, "$select") | listed(request, "$expand")
        named -= {"is_to_lock"}  # an action, told in words only (sage200.md 11)
        assert named <= record["properties"].keys()


@with_files
async def test_every_path_and_verb_exists_in_sages_files(sent):
    for request in sent:
        resource = operation(request)[1]
        paths = simplejson.loads((SPECS / f"{FILED[resource][0]}.json").read_text())["paths"]
        path = re.sub(r"/\d+$", "/{Id}", request.url.path.removeprefix(PREFIX))
        assert request.method.lower() in paths[path]


@with_files
async def test_every_body_fits_sages_files(sent):
    for request in sent:
        if request.method == "PUT":
            assert list(amended_faults(simplejson.loads(request.content, use_decimal=True))) == []
        if request.method == "POST":
            body = simplejson.loads(request.content, use_decimal=True)
            file, record = FILED_BODIES[operation(request)[1]]
            assert list(faults(body, filed(file, record), record)) == []


@with_files
async def test_the_check_against_sages_files_can_fail(sent):
    body = next(each for each in bodies(sent) if "lines" in each)
    body |= {
        "customer_id": "1",
        "document_date": "2026-03-02",
        "id": 7,
        "order_date": "x",
        "spare_text_1": None,
    }
    body["delivery_address"]["postcode"] = "12345678901"
    body["lines"][0] |= {"selling_unit_price": Decimal("0.000001")}
    body["lines"][0].pop("warehouse_id")
    found = list(faults(body, filed("sop", "sop_order"), "sop_order"))
    assert len(found) == 8, found


def amended_faults(body: dict[str, Any]):
    """A PUT names what changes; `lock_id` is declared read-only and must be sent back (sage200.md, corrections 7)."""
    line = filed("sop", "sop_order_line")
    for entry in body.pop("lines", []):
        if "id" not in entry:
            yield from faults(entry, line, "sop_order_line")
            continue
        told = faults(entry, line, "line")
        yield from (each for each in told if "is missing" not in each and each != "line.id cannot be written")
    head = faults(body, filed("sop", "sop_order"), "sop_order")
    yield from (
        each for each in head if "is missing" not in each and each != "sop_order.lock_id cannot be written"
    )


def faults(body: dict[str, Any], record: dict[str, Any], name: str):
    """Names, types, lengths, scales, read-only fields, and `required` as the line type reads it."""
    missing = {each for each in record.get("required", ()) if each not in body}
    for each in sorted(missing):
        if (name, "required", each) not in EXCEPTIONS:
            yield f"{name}.{each} is missing"
    if name == "sop_order_line":
        has = body.keys() | ({"code"} if "description" in body else set())  # a charge may be named by either
        yield from (f"{name}.{each} is missing" for each in sorted(NEEDED[body["line_type"]] - has))
    for each, value in body.items():
        kind = record["properties"].get(each)
        if kind is None or kind.get("readOnly"):
            yield f"{name}.{each} cannot be written"
        elif each == "lines":
            line = filed("sop", "sop_order_line")
            for entry in value:
                yield from faults(entry, line, "sop_order_line")
        elif kind["type"] == "object":
            yield from faults(value, kind, f"{name}.{each}")
        elif not fits(value, kind):
            yield f"{name}.{each} is not as declared: {value!r}"


def fits(value: Any, kind: dict[str, Any]) -> bool:
    places = re.fullmatch(r"decimal (\d)dp", kind.get("format", ""))
    match kind["type"]:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            number = isinstance(value, int | Decimal) and not isinstance(value, bool)
            return number and (places is None or -Decimal(value).as_tuple().exponent <= int(places[1]))
        case "string" if kind.get("format") == "date-time":
            return (
                isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None
            )
        case "string":
            return isinstance(value, str) and len(value) <= kind.get("maxLength", 10_000)
    return False


@with_files
def test_the_slice_says_what_sages_files_say():
    schemas = SLICE["components"]["schemas"]
    twins = {name: (file, name) for file, name in FILED.values()} | {
        "sop_order_sent": ("sop", "sop_order"),
        "sop_order_line": ("sop", "sop_order_line"),
        "standard_line_sent": ("sop", "sop_order_line"),
        "charge_line_sent": ("sop", "sop_order_line"),
        "free_text_line_sent": ("sop", "sop_order_line"),
        "sop_order_line_amended": ("sop", "sop_order_line"),
        "sop_order_amended": ("sop", "sop_order"),
    }
    differing = {
        (name, each)
        for name, (file, record) in twins.items()
        for each, ours in schemas[name]["properties"].items()
        if not same(ours, filed(file, record)["properties"].get(each))
    }
    assert differing == SLICE_DIFFERS.keys()


@with_files
def test_every_exception_is_still_one():
    required = {
        (name, "required", each)
        for name in ("sop_order", "sop_order_line")
        for each in filed("sop", name)["required"]
        if each not in {"customer_id", "line_type"}
    }
    assert required == EXCEPTIONS.keys()


def same(ours: dict[str, Any], theirs: dict[str, Any] | None) -> bool:
    if theirs is None:
        return False
    if "type" not in ours:  # a reference or a constant: its content is compared where it is declared
        return True
    ours_type = [each for each in [ours["type"]] if isinstance(each, str)] or [
        t for t in ours["type"] if t != "null"
    ]
    length = ours.get("maxLength") in {None, theirs.get("maxLength")}
    return ours_type == [theirs["type"]] and length
