"""What a caller of the endpoint asks for, and how it is told that it gets nothing."""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request

from app.sandbox.disturb import CALL


@dataclass(frozen=True, slots=True)
class Asked:
    """`stale`: a replica that lags behind answers."""

    query: str
    variables: dict[str, Any]
    operation_name: str | None
    stale: bool


class RefusedError(Exception):
    """Leaves as an answer with `errors`."""

    def __init__(
        self, status: int, message: str, category: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.errors: list[dict[str, Any]] = [{"message": message, "extensions": {"category": category}}]


def read_request(request: Request, body: bytes) -> Asked:
    """Raises RefusedError for what is not a GraphQL request in JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Type must be application/json.", "request")
    try:
        content = json.loads(body)
        variables = content.get("variables")
        stale = request.scope[CALL].fault == "stale_read"
        name = content.get("operationName")
        asked = Asked(content["query"], {} if variables is None else variables, name, stale)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is no GraphQL request.", "request") from None
    if not (
        isinstance(asked.query, str)
        and isinstance(asked.variables, dict)
        and isinstance(asked.operation_name, str | None)
    ):
        raise RefusedError(HTTPStatus.BAD_REQUEST, "The body is no GraphQL request.", "request")
    return asked
