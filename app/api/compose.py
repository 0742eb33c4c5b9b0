"""The routes put together. What they work on is `app.state.sluice`, set by the root."""

import re
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.api import (
    alignment,
    describe,
    despatches,
    exceptions,
    groups,
    mappings,
    messages,
    orders,
    overview,
    pages,
    stock,
)
from app.api.edge import Edge
from app.api.problems import TITLES, ProblemError, on_http, on_invalid, on_problem, on_unsound
from app.api.webhooks import PATH, Webhooks
from app.mappings.refusal import UnsoundError

_WEBHOOK = re.compile(r"/webhooks/(?P<connector>[^/]+)/(?P<connection>[^/]+)")


class Api(FastAPI):
    """Webhooks go straight to their endpoint: the layers of a framework would be a third of what a delivery costs."""

    _intake = Edge(Webhooks())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = _WEBHOOK.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await super().__call__(scope, receive, send)
            return
        scope["app"], scope["path_params"] = self, found.groupdict()
        await self._intake(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            self.openapi_schema = describe.describe(self)
        return self.openapi_schema


def compose() -> FastAPI:
    """FastAPI's own telemetry is off: ours counts, and its log signal carries payloads."""
    api = Api(
        title="Sluice",
        version=describe.VERSION,
        summary=describe.SUMMARY,
        openapi_tags=describe.tags(),
        servers=[{"url": "/"}],
        telemetry={"tracing": False, "metrics": False, "logs": False},
        routes=[Route(PATH, Webhooks(), name="webhook")],
        middleware=[Middleware(Edge)],
        exception_handlers={
            ProblemError: on_problem,
            HTTPException: on_http,
            RequestValidationError: on_invalid,
            UnsoundError: on_unsound,
        },
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
    )
    for part in (messages, orders, despatches, stock, alignment, groups, exceptions, mappings, overview):
        api.include_router(part.routes)
    api.add_api_route("/docs", pages.docs, include_in_schema=False)
    api.add_api_route("/problems/{code}", problem, include_in_schema=False)
    return api


async def problem(code: str) -> PlainTextResponse:
    """The page that a problem's `type` names."""
    if code not in TITLES:
        raise ProblemError("not_found")
    status, title = TITLES[code]
    return PlainTextResponse(f"{status} {code}\n{title}.\n")
