"""Every error as problem+json (RFC 9457). Nothing of the request is echoed: it may hold a customer's data."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from app.mappings.refusal import UnsoundError

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

TITLES: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "bad_request": (400, "The request cannot be understood"),
        "bad_cursor": (400, "The cursor belongs to another list or filter"),
        "unauthorized": (401, "The credentials are missing or wrong"),
        "forbidden": (403, "The key lacks the scope that this needs"),
        "address_not_allowed": (403, "Deliveries from this address are not taken"),
        "not_found": (404, "There is nothing here"),
        "method_not_allowed": (405, "This method is not allowed here"),
        "conflict": (409, "The state of the object does not allow this"),
        "precondition_failed": (412, "The object has changed since it was read"),
        "too_large": (413, "The body is too large"),
        "unsupported_media_type": (415, "This content type is not read here"),
        "invalid": (422, "Some fields are wrong"),
        "key_reused": (422, "This Idempotency-Key came with another request before"),
        "precondition_required": (428, "This needs an If-Match header"),
        "too_many_requests": (429, "Too many requests without a valid signature"),
        "internal": (500, "Something failed here"),
        "unavailable": (503, "This cannot be stored or read now; come again"),
    }
)
BY_STATUS: Mapping[int, str] = MappingProxyType(
    {status: code for code, (status, _) in reversed(tuple(TITLES.items()))}
)
NO_REQUEST_BODY = (
    b'{"type": "/problems/bad_request", "title": "The request cannot be understood", "status": 400, '
    b'"detail": "This is not HTTP", "code": "bad_request", "errors": []}'
)
NO_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%b" % (len(NO_REQUEST_BODY), NO_REQUEST_BODY)
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """`pointer`: JSON pointer into the body, or `#query/limit`."""

    pointer: str
    detail: str


class ProblemError(Exception):
    """`code` is a key of TITLES; `detail` quotes nothing of the request."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = tuple(errors)

    def response(self, scope: Scope) -> Response:
        status, title = TITLES[self.code]
        content = {
            "type": f"/problems/{self.code}",
            "title": title,
            "status": status,
            "detail": self.detail or title,
            "instance": scope.get("raw_path", b"").decode("ascii", "replace"),
            "code": self.code,
            "request_id": scope.get("state", {}).get("request_id", ""),
            "errors": [asdict(one) for one in self.errors],
        }
        headers = {"cache-control": "no-store", **self.headers}
        return Response(json.dumps(content), status, headers, MEDIA_TYPE)


def unavailable(detail: str = "") -> ProblemError:
    return ProblemError("unavailable", detail, headers={"retry-after": str(RETRY_SECONDS)})


async def on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for this class only
    return error.response(request.scope)


async def on_http(request: Request, error: Exception) -> Response:
    """Starlette's and FastAPI's own errors; their texts are replaced by ours."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = BY_STATUS.get(error.status_code, "bad_request" if error.status_code < 500 else "internal")
    return ProblemError(code, headers=error.headers).response(request.scope)


async def on_unsound(request: Request, error: Exception) -> Response:
    """What is stored stands in the way, not what was sent: nothing is posted by half a table."""
    assert isinstance(error, UnsoundError)  # noqa: S101 - registered for this class only
    errors = [
        FieldError(_pointer((f"mappings/{one.table}", f"{one.row - 1}", *one.field.split("."))), one.text)
        for one in error.problems
    ]
    detail = "Rows of the mapping tables are no longer sound; nothing is done before they are mended"
    return ProblemError("conflict", detail, errors=errors).response(request.scope)


async def on_invalid(request: Request, error: Exception) -> Response:
    """Pydantic's `input` and `ctx` are dropped, and messages of our own validators: they may echo what was sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    errors = [FieldError(_pointer(one["loc"]), _message(one)) for one in error.errors()]
    return ProblemError("invalid", errors=errors).response(request.scope)


def _message(one: Mapping[str, Any]) -> str:
    return str(one["type"] if one["type"] in {"value_error", "assertion_error"} else one["msg"])


def _pointer(loc: Sequence[object]) -> str:
    where, *rest = [str(part) for part in loc]
    path = "/".join(part.replace("~", "~0").replace("/", "~1") for part in rest)
    return f"/{path}" if where == "body" else f"#{where}/{path}"
