"""Around every request: its id, its size, and an answer whatever happens inside."""

import re

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.body import MIB, headers_of, media_type, read_body
from app.api.problems import ProblemError, unavailable
from app.api.state import State
from app.outbox.flush import AWAY

BODY_LIMIT = 8 * MIB
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")


class Edge:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: State = scope["app"].state.sluice
        request_id = given_id(scope) or state.mint()
        scope.setdefault("state", {})["request_id"] = request_id
        header = (b"x-request-id", request_id.encode())
        started = False

        async def tagged(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"].append(header)
            await send(message)

        try:
            await self._app(scope, await whole(scope, receive), tagged)
        except ClientDisconnect:
            return
        except ProblemError as problem:
            await problem.response(scope)(scope, receive, tagged)
        except Exception as error:
            state.log.exception("request.failed", request_id=request_id, exc_info=error)
            if not started:
                await problem_of(error).response(scope)(scope, receive, tagged)


def given_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value.decode() if REQUEST_ID.fullmatch(value) else None
    return None


async def whole(scope: Scope, receive: Receive) -> Receive:
    """Reads the body within our limit before any route does; webhooks count and judge theirs themselves."""
    if scope["path"].startswith("/webhooks/"):
        return receive
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise ProblemError(
            "bad_request", "Postgres keeps no text with a NUL in it, so that nothing is found by one"
        )
    if not has_body(scope):
        return receive
    headers, taken = headers_of(scope["headers"]), FORM if scope["path"].startswith("/console/") else JSON
    body = await read_body(receive, headers, BODY_LIMIT)
    if body and media_type(headers) != taken:
        raise ProblemError("unsupported_media_type", headers={"accept": taken})
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def has_body(scope: Scope) -> bool:
    return any(name in {b"content-length", b"transfer-encoding"} for name, _ in scope["headers"])


def problem_of(error: Exception) -> ProblemError:
    if isinstance(error, AWAY):
        return unavailable("The database does not answer")
    return ProblemError("internal")
