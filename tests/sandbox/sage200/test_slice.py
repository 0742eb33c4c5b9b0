"""The sandbox and our slice of Sage's contract agree on despatch: what the slice lets us send is taken, what is answered
fits it, and all of it exists in Sage's own files where they lie beside us.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import simplejson
from jsonschema import Draft202012Validator

from tests.sandbox.sage200.conftest import Sage

ROOT = Path(__file__).parents[3]
SPECS = ROOT.parent / "shared" / "vendors" / "specs" / "sage200"
SLICE = simplejson.loads((ROOT / "openapi" / "vendors" / "sage200.json").read_text(), use_decimal=True)
# Operation -> where Sage's file for it is.
PROVEN = {
    "list_sop_confirm_despatch": "sop",
    "confirm_despatch": "sop",
    "list_sop_despatch_discrete_orders": "sop",
    "list_sop_despatch_receipts": "sop",
    "get_sop_despatch_receipt": "sop",
    "correct_sop_despatch_receipt": "sop",
    "list_sop_order_despatch_views": "sop",
    "list_sop_order_despatch_line_views": "sop",
    "list_sop_cancelled_lines": "sop",
    "get_sop_order": "sop",
    "amend_sop_order": "sop",
    "delete_sop_order": "sop",
    "list_couriers": "general",
    "list_customer_delivery_addresses": "sales",
    "add_customer_delivery_address": "sales",
    "enquire_customer_price": "sales",
}
# Filtered on fields that their rows do not have (sage200.md 6).
RESTRICTED = {"list_sop_confirm_despatch", "list_sop_despatch_discrete_orders"}
with_files = pytest.mark.skipif(
    not SPECS.is_dir(), reason="Sage's OpenAPI files are not beside this checkout"
)


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    for path, actions in SLICE["paths"].items():
        for method, action in actions.items():
            yield action["operationId"], method.upper(), path, action


OPERATIONS = {name: (method, path, action) for name, method, path, action in operations()}


def check(schema: dict[str, Any], value: Any) -> None:
    Draft202012Validator({"components": SLICE["components"], **schema}).validate(value)


def content(part: dict[str, Any]) -> dict[str, Any]:
    return part["content"]["application/json"]["schema"]


async def act(sage: Sage, name: str, body: Any = None, id_: int | None = None, **options: Any) -> Any:
    """Calls the operation; body, options and answer are held against the slice."""
    method, path, action = OPERATIONS[name]
    if body is not None:
        check(content(action["requestBody"]), body)
    declared = {each["$ref"].rpartition("/")[2] for each in action["parameters"] if "$ref" in each}
    assert {option.removesuffix("_by") for option in declared} >= options.keys()
    assert set(re.findall(r"(\w+) (?:eq|gt|ge) ", options.get("filter", ""))) <= set(
        action.get("x-filters", [])
    )
    answer = await sage.call(method, path.strip("/").replace("{id}", str(id_)), body, **options)
    assert answer.status_code == 200, answer.text
    if not answer.text:
        return None
    value = simplejson.loads(answer.text, use_decimal=True)
    check(content(action["responses"]["200"]), value)
    return value


async def work(sage: Sage) -> dict[str, Any]:
    """A day with despatch: what each operation answered last."""
    told: dict[str, Any] = {}

    async def do(name: str, *args: Any, **options: Any) -> Any:
        told[name] = await act(sage, name, *args, **options)
        return told[name]

    order, other = await sage.allocated(3, 1), await sage.allocated(1)
    number = f"document_no eq '{order['document_no']}'"
    address = {
        "customer_id": order["customer_id"],
        "description": "Leeds",
        "tax_code_id": sage.id("tax_code", "1"),
    }
    await do("add_customer_delivery_address", address)
    asked = {"customer_id": order["customer_id"], "product_id": order["lines"][0]["product_id"]}
    await do("enquire_customer_price", {**asked, "quantity": 2})
    await do("list_customer_delivery_addresses", filter=f"customer_id eq {order['customer_id']}")
    (evri,) = await do("list_couriers", filter="name eq 'Evri'")
    (group,) = await do("list_sop_confirm_despatch", filter=number)
    await do("list_sop_despatch_discrete_orders", filter=number)
    body = {
        "sop_order_return_id": order["id"],
        "despatch_receipt_date": "2026-03-03T00:00:00Z",
        "items": [{"id": group["items"][0]["id"], "quantity": 2}],
        "tracking_items": [
            {
                "sop_order_return_id": order["id"],
                "courier_id": evri["id"],
                "consignment_no": "H1",
                "notes": "our key",
            }
        ],
    }
    await do("confirm_despatch", body)
    (note,) = await do("list_sop_order_despatch_views", filter=f"sop_order_id eq {order['id']}")
    stamp = order["date_time_updated"]
    by_time = {"filter": f"date_time_updated gt {stamp}", "top": 500}
    await do("list_sop_despatch_receipts", **by_time, orderby="date_time_updated,id")
    await do(
        "list_sop_order_despatch_line_views", **by_time, orderby="date_time_updated,sop_despatch_line_id"
    )
    await do("correct_sop_despatch_receipt", {"consignment_no": "H2", "pieces": 1}, note["sop_despatch_id"])
    await do("get_sop_despatch_receipt", None, note["sop_despatch_id"])
    held = await do("get_sop_order", None, order["id"], expand="is_to_lock,lines")
    rest = {"id": held["lines"][0]["id"], "line_quantity": 2, "create_cancelled_line": True}
    await do(
        "amend_sop_order", {"lock_id": held["lock_id"], "is_editing": False, "lines": [rest]}, order["id"]
    )
    await do("list_sop_cancelled_lines", filter=f"sop_order_return_id eq {order['id']}")
    await do("delete_sop_order", None, other["id"])
    return told


async def test_every_operation_of_despatch_fits_the_slice(sage: Sage):
    told = await work(sage)
    assert told.keys() == PROVEN.keys()
    empty = [name for name, answer in told.items() if not answer]
    assert empty == ["delete_sop_order"]


async def test_lists_fit_the_slice_when_wrapped_too(sage: Sage):
    await sage.sandbox.switch(sage200__wrapped_lists=["couriers"])
    assert (await act(sage, "list_couriers", top=1))["value"]


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [
        ("confirm_despatch", {"sop_order_return_id": 1, "items": []}),
        ("confirm_despatch", {"sop_order_return_id": 1, "items": [{"id": 1, "quantity": 1}]}),
        ("correct_sop_despatch_receipt", {"despatch_no": "1"}),
        ("correct_sop_despatch_receipt", {"consignment_no": None}),
        ("correct_sop_despatch_receipt", {"consignment_no": "1" * 61}),
        ("add_customer_delivery_address", {"customer_id": 1, "description": "x"}),
        ("enquire_customer_price", {"customer_id": 1}),
        ("amend_sop_order", {"is_editing": True}),
        ("amend_sop_order", {"is_editing": False, "lines": [{"line_quantity": 1}]}),
    ],
)
def test_slice_refuses_a_spoilt_body(name: str, spoilt: dict):
    schema = content(OPERATIONS[name][2]["requestBody"])
    assert not Draft202012Validator({"components": SLICE["components"], **schema}).is_valid(spoilt)


def records(value: Any) -> list[dict[str, Any]]:
    return value if isinstance(value, list) else [value]


def resolve(spec: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "properties" not in schema:
        found = schema.get("$ref", "").rpartition("/")[2]
        schema = spec["components"]["schemas"][found] if found else schema["items"]
    return schema


def unknown(spec: dict[str, Any], schema: dict[str, Any], record: dict[str, Any]) -> Iterator[str]:
    """Names that Sage's file does not have, children included."""
    known = resolve(spec, schema)["properties"]
    for name, value in record.items():
        if name not in known:
            yield name
        elif isinstance(value, list):
            for child in value:
                yield from unknown(spec, known[name], child)


def missing(spec: dict[str, Any], schema: dict[str, Any], record: dict[str, Any]) -> set[str]:
    return set(resolve(spec, schema).get("required", ())) - record.keys()


@with_files
async def test_every_operation_and_answer_exists_in_sages_files(sage: Sage):
    told = await work(sage)
    for name, file in PROVEN.items():
        spec = simplejson.loads((SPECS / f"{file}.json").read_text())
        method, path, _ = OPERATIONS[name]
        action = spec["paths"][path.replace("{id}", "{Id}")][method.lower()]
        if told[name] is None:
            continue
        schema = content(action["responses"]["200"])
        for record in records(told[name]):
            assert (list(unknown(spec, schema, record)), name) == ([], name)
            assert (missing(spec, schema, record) - {"lines"}, name) == (set(), name)


@with_files
@pytest.mark.parametrize(("operation", "file"), sorted(PROVEN.items()))
def test_what_may_be_sent_and_filtered_exists_in_sages_files(operation: str, file: str):
    spec = simplejson.loads((SPECS / f"{file}.json").read_text())
    method, path, action = OPERATIONS[operation]
    theirs = spec["paths"][path.replace("{id}", "{Id}")][method.lower()]
    answered = theirs["responses"]["200"].get("content")
    if answered and operation not in RESTRICTED:
        known = resolve(spec, content(theirs["responses"]["200"]))["properties"]
        assert set(action.get("x-filters", [])) <= known.keys()
    if "requestBody" in action:
        ours = resolve(SLICE, content(action["requestBody"]))["properties"]
        known = resolve(spec, content(theirs["requestBody"]))["properties"]
        assert ours.keys() <= known.keys()
        lengths = {name: kind["maxLength"] for name, kind in ours.items() if "maxLength" in kind}
        assert lengths == {name: known[name]["maxLength"] for name in lengths}
