"""How Virtualstock says no: its bodies are not uniform (virtualstock.md 7)."""

import json
from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response


class Refused(Exception):  # noqa: N818 - what the vendor does, not what went wrong in us
    """`body`: as JSON, or a sentence whose wrapping is a switch (`sentence`)."""

    def __init__(
        self, status: int, body: Any = None, *, sentence: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence or str(body))
        self.status = status
        self.body = body
        self.sentence = sentence
        self.headers = dict(headers or {})


def answer_refusal(refused: Refused, family: str) -> Response:
    if refused.sentence:
        return _wrap(refused, family)
    return JSONResponse(refused.body, refused.status, refused.headers)


def _wrap(refused: Refused, family: str) -> Response:
    shapes: dict[str, Any] = {
        "json_string": refused.sentence,
        "list": [refused.sentence],
        "detail": {"detail": refused.sentence},
    }
    if family in shapes:
        return Response(
            json.dumps(shapes[family]), refused.status, refused.headers, media_type="application/json"
        )
    return Response(refused.sentence, refused.status, refused.headers, media_type="text/html")


def not_found() -> Refused:
    return Refused(404, {"detail": "Not found."})


def not_allowed(method: str) -> Refused:
    return Refused(405, {"detail": f'Method "{method}" not allowed.'})


def field(name: str, complaint: str) -> Refused:
    return Refused(400, {name: [complaint]})


def invalid(sentence: str) -> Refused:
    """An order action's own sentence."""
    return Refused(400, sentence=sentence)
