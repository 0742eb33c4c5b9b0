"""The exported contract is fresh, valid, and says of every operation what it needs and how it fails."""

import json
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator

from app.api.compose import compose
from app.api.describe import operations
from app.api.openapi import text, write
from app.api.webhooks import PATH

EXPORT = Path(__file__).parents[2] / "openapi" / "sluice.json"


@pytest.fixture(scope="module")
def contract():
    return compose().openapi()


def test_the_export_is_fresh():
    assert EXPORT.read_text(encoding="utf-8") == text(), "run `make openapi`"


def test_writing_gives_what_is_checked_in(tmp_path):
    write(tmp_path / "sluice.json")
    assert json.loads((tmp_path / "sluice.json").read_text())["openapi"] == "3.1.0"


def test_every_schema_is_one(contract):
    for schema in contract["components"]["schemas"].values():
        OAS31Validator.check_schema(schema)


def test_every_operation_has_a_name_of_its_own(contract):
    names = [operation["operationId"] for operation in operations(contract["paths"])]
    assert len(names) == len(set(names))


def test_every_internal_operation_needs_a_key_and_fails_as_a_problem(contract):
    for path, methods in contract["paths"].items():
        if path == PATH:
            continue
        for operation in methods.values():
            assert operation["security"] == [{"key": []}], path
            assert operation["responses"]["401"] == {"$ref": "#/components/responses/unauthorized"}, path
            assert {"403", "500", "503"} <= set(operation["responses"]), path


def test_no_error_is_described_in_another_shape(contract):
    assert "HTTPValidationError" not in json.dumps(contract)


def test_every_list_has_a_limit_and_a_cursor(contract):
    lists = [
        "/api/v1/messages",
        "/api/v1/orders",
        "/api/v1/exceptions",
        "/api/v1/lanes",
        "/api/v1/audit",
    ]
    for path in lists:
        names = {one["name"] for one in contract["paths"][path]["get"]["parameters"]}
        assert {"limit", "cursor"} <= names, path


def test_the_webhook_is_described(contract):
    operation = contract["paths"][PATH]["post"]
    assert set(operation["responses"]) == {"202", "401", "403", "404", "405", "413", "415", "429", "503"}
    assert list(operation["requestBody"]["content"]) == ["application/x-www-form-urlencoded"]


async def test_the_contract_and_its_page_are_served(shop):
    page = await shop.client.get("/docs")
    served = await shop.client.get("/openapi.json")
    assert (page.status_code, served.json()["info"]["title"]) == (200, "Sluice")
