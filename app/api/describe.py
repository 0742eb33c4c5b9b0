"""The contract of our own API: OpenAPI 3.1. Every error is a problem; the webhook route is described by hand."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.problems import MEDIA_TYPE, TITLES
from app.api.webhooks import PATH

VERSION = "0.1.0"
SUMMARY = "Takes webhooks in; shows and settles what becomes of them."
EVERYWHERE = ("bad_request", "unauthorized", "forbidden", "too_large", "internal", "unavailable")
DELIVERIES = (
    "unauthorized",
    "address_not_allowed",
    "not_found",
    "method_not_allowed",
    "too_large",
    "unsupported_media_type",
    "too_many_requests",
    "unavailable",
)
METHODS = frozenset({"get", "put", "post", "patch", "delete"})
Json = dict[str, Any]


def tags() -> list[Json]:
    return [
        {"name": "webhooks", "description": "Deliveries of sales channels."},
        {"name": "messages", "description": "What arrived and what must happen."},
        {"name": "orders", "description": "Orders under any of their names."},
        {"name": "despatches", "description": "What one side shipped and the other does not know yet."},
        {"name": "stock", "description": "What the ERP's books do not show of a SKU."},
        {"name": "alignment", "description": "What the channels offer beside what the ERP keeps."},
        {"name": "exceptions", "description": "What a person must settle."},
        {"name": "mappings", "description": "The tables that people edit."},
        {"name": "overview", "description": "Lanes and connections."},
        {"name": "audit", "description": "Who did what, and why."},
    ]


def describe(api: FastAPI) -> Json:
    found = get_openapi(
        title=api.title,
        version=api.version,
        summary=api.summary,
        openapi_version="3.1.0",
        tags=api.openapi_tags,
        servers=api.servers,
        routes=api.routes,
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = problem_schema()
    found["components"]["responses"] = {code: problem_response(code) for code in TITLES}
    for operation in operations(found["paths"]):
        answer_with_problems(operation)
    found["paths"][PATH] = {"post": webhook()}
    return found


def operations(paths: Json) -> Iterator[Json]:
    for path in paths.values():
        yield from (operation for method, operation in path.items() if method in METHODS)


def answer_with_problems(operation: Json) -> None:
    answers = operation["responses"]
    own = ["invalid"] if answers.pop("422", None) else []
    if "requestBody" in operation:
        own.append("unsupported_media_type")
    if any(one["in"] == "path" for one in operation.get("parameters", ())):
        own.append("not_found")
    given = {one["name"] for one in operation.get("parameters", ())}
    own += ["conflict"] if {"Idempotency-Key", "table"} & given else []
    own += ["precondition_failed", "precondition_required"] if "If-Match" in given else []
    for code in (*EVERYWHERE, *own):
        answers[str(TITLES[code][0])] = refer(code)


def refer(code: str) -> Json:
    return {"$ref": f"#/components/responses/{code}"}


def problem_response(code: str) -> Json:
    shape: Json = {
        "description": TITLES[code][1],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if code in {"unavailable", "too_many_requests"}:
        seconds = {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}}
        shape["headers"] = {"Retry-After": seconds}
    return shape


def problem_schema() -> Json:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "RFC 9457. A forged webhook's is the same for every forgery, and has no id.",
        "required": ["type", "title", "status", "detail", "code", "errors"],
        "properties": {
            "type": {**text, "format": "uri-reference"},
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "instance": {**text, "format": "uri-reference"},
            "code": {**text, "enum": list(TITLES)},
            "request_id": text,
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {"pointer": text, "detail": text},
                },
            },
        },
    }


def taken() -> Json:
    ids = {"type": "array", "items": {"type": "integer"}}
    return {
        "description": "Stored. A delivery that came before gets the same answer.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "required": ["ids"], "properties": {"ids": ids}}
            }
        },
    }


def webhook() -> Json:
    """The route is a bare endpoint, so its contract is written by hand."""
    refusals = {str(TITLES[code][0]): refer(code) for code in DELIVERIES}
    return {
        "operationId": "receiveWebhook",
        "tags": ["webhooks"],
        "summary": "A channel delivers events",
        "description": "Signed over the raw body. 202 means stored durably; 503 means come again.",
        "parameters": [*(path_parameter(name) for name in ("connector", "connection")), signature()],
        "requestBody": {
            "required": True,
            "description": "At most 1 MiB. Centra: `payload=` and URL-encoded JSON.",
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["payload"],
                        "properties": {"payload": {"type": "string"}},
                    }
                }
            },
        },
        "responses": {"202": taken(), **refusals},
        "security": [],
    }


def path_parameter(name: str) -> Json:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": "^[a-z0-9_]+$"},
    }


def signature() -> Json:
    return {
        "name": "X-Centra-Signature",
        "in": "header",
        "required": False,
        "description": "Centra: `t=<unix seconds>,v1=<HMAC-SHA256 hex of t.body>`, no older than 300 s.",
        "schema": {"type": "string"},
    }
