import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from enum import StrEnum

import pytest
import structlog
from pydantic import BaseModel, SecretStr

from app.telemetry.logs import configure_logging

CANARY = "canary.shopper@example.org"


@contextmanager
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def lines() -> Iterator["Lines"]:
    stream = io.StringIO()
    with restored_logging():
        configure_logging("worker", stream, secrets=[SecretStr("hunter2-token"), SecretStr("abc")])
        yield Lines(stream)


class Lines:
    def __init__(self, stream: io.StringIO) -> None:
        self._stream = stream

    @property
    def text(self) -> str:
        return self._stream.getvalue()

    @property
    def last(self) -> dict:
        return json.loads(self.text.splitlines()[-1])


def fail_twice() -> None:
    try:
        {}[CANARY]
    except KeyError as error:
        raise ValueError(CANARY) from error


class Colour(StrEnum):
    RED = "red"


def test_event_is_one_json_line_with_its_fields(lines: Lines) -> None:
    structlog.get_logger().info(
        "message.settled", kind="centra.order", attempts=2, result=Colour.RED, seconds=0.25
    )
    assert lines.text.count("\n") == 1
    assert (
        lines.last.items()
        >= {
            "event": "message.settled",
            "level": "info",
            "role": "worker",
            "kind": "centra.order",
            "attempts": 2,
            "result": "red",
            "seconds": 0.25,
        }.items()
    )


def test_time_is_utc(lines: Lines) -> None:
    structlog.get_logger().info("poll.finished")
    assert lines.last["at"].endswith("+00:00")


def test_field_off_the_list_is_dropped_by_name(lines: Lines) -> None:
    structlog.get_logger().info("webhook.received", address=CANARY, body={"email": CANARY})
    assert lines.last["dropped"] == ["address", "body"]
    assert CANARY not in lines.text


def test_objects_do_not_speak_for_themselves(lines: Lines) -> None:
    class Shopper(BaseModel):
        email: str

    structlog.get_logger().info("webhook.received", reason=Shopper(email=CANARY), cause=ValueError(CANARY))
    assert (lines.last["reason"], lines.last["cause"]) == ("Shopper", "ValueError")
    assert CANARY not in lines.text


def test_address_within_an_allowed_field_is_masked(lines: Lines) -> None:
    structlog.get_logger().info("message.parked", note=f"asked by {CANARY}", codes=[CANARY])
    assert (lines.last["note"], lines.last["codes"]) == ("asked by [email]", ["[email]"])


def test_exception_leaves_class_place_and_causes_but_no_text(lines: Lines) -> None:
    try:
        fail_twice()
    except ValueError:
        structlog.get_logger().exception("message.failed")
    assert (lines.last["error"], lines.last["caused_by"]) == ("ValueError", ["KeyError"])
    assert lines.last["error_at"][-1].startswith("test_logs.py:")
    assert CANARY not in lines.text


def test_library_leaves_its_template_but_no_arguments(lines: Lines) -> None:
    logging.getLogger("asyncpg").warning("cannot insert %s", CANARY)
    assert lines.last["template"] == "cannot insert %s"
    assert CANARY not in lines.text


def test_library_that_built_its_own_sentence_leaves_only_the_place(lines: Lines) -> None:
    logging.getLogger("asyncio").error(f"Task exception was never retrieved: {CANARY}")  # noqa: G004 - as asyncio does
    assert lines.last["template"].startswith("test_logs:")
    assert CANARY not in lines.text


def test_library_exception_leaves_its_class(lines: Lines) -> None:
    try:
        fail_twice()
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    assert lines.last["error"] == "ValueError"
    assert CANARY not in lines.text


def test_library_with_a_handler_of_its_own_loses_it() -> None:
    """As uvicorn's, which prints whole tracebacks."""
    own, ours = io.StringIO(), io.StringIO()
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(own))
    logging.getLogger("uvicorn").propagate = False
    with restored_logging():
        configure_logging("api", ours)
        logging.getLogger("uvicorn.error").error("refused %s", CANARY)
    assert own.getvalue() == ""
    assert json.loads(ours.getvalue())["template"] == "refused %s"


@pytest.mark.parametrize("name", ["httpx", "arq", "uvicorn.access"])
def test_chatter_with_urls_and_jobs_is_off(lines: Lines, name: str) -> None:
    logging.getLogger(name).info("GET %s", CANARY)
    assert lines.text == ""


@pytest.mark.parametrize(
    "told", ["hunter2-token", "Bearer eyJhbGciOi.J9", "postgresql://user:pass@db/sluice", SecretStr("x")]
)
def test_secret_never_appears(lines: Lines, told: object) -> None:
    structlog.get_logger().info("settings.read", note=told)
    assert not any(part in lines.text for part in ("hunter2", "eyJ", "user:pass", '"x"'))


def test_short_secret_does_not_eat_the_words(lines: Lines) -> None:
    structlog.get_logger().info("settings.read", note="abcissa")
    assert lines.last["note"] == "abcissa"


def test_money_keeps_its_pennies(lines: Lines) -> None:
    structlog.get_logger().info("message.settled", note=Decimal("10.10"))
    assert lines.last["note"] == "10.10"


def test_long_text_is_cut(lines: Lines) -> None:
    structlog.get_logger().info("message.failed", note="x" * 5000)
    assert len(lines.last["note"]) < 400
