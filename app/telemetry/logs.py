"""JSON lines: one wide event for each verb (`webhook.received`, `message.settled`), every decision in its fields.

What may be said is a list of field names; what is not on it is dropped, so that no customer reaches a log by accident.
The text of exceptions and of libraries is not ours and may quote what it choked on: their class and place stay.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import PurePath
from typing import Any, TextIO

import structlog
from pydantic import SecretStr

_FIELDS = """
    event level at role worker pid port url version logger template settings
    connection source destination system operation kind cls state result outcome verdict message messages key
    order_ref order_refs request_id parent priority attempts attempt lane lanes blockers aside in_doubt probes document
    reason code codes field need owner cause note resume_at
    count drafts accepted duplicates conflicts ignored parked settled claimed repaired rescued entered stored
    seconds wait_seconds lease_seconds due_at status bytes page pages more cursor_at horizon since
    error error_at caused_by dropped
"""
ALLOWED = frozenset(_FIELDS.split())

_QUIET = ("httpx", "httpcore", "arq", "asyncio", "uvicorn.access")
_PLAIN_SPOKEN = ("uvicorn", "alembic")  # their constant sentences hold no data
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "arq")
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_MASK = "***"
_EMAIL = re.compile(r"[^\s@\"'<>]+@[^\s@\"'<>]+")
_CREDENTIAL = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_URL_PASSWORD = re.compile(r"://[^\s/@]*@")
_LONGEST = 300
_MOST_ITEMS = 50
_SHORTEST_SECRET = 6


def configure_logging(
    role: str, stream: TextIO, level: str = "INFO", secrets: Sequence[SecretStr] = ()
) -> None:
    """For the whole process, structlog and the standard library's loggers alike. `secrets` never appear, wherever
    they would have; very short ones cannot be told from other text. Give uvicorn `log_config=None`, or it undoes this.
    """
    known = tuple(secret.get_secret_value() for secret in secrets)
    writer = _Writer(role, stream, tuple(text for text in known if len(text) >= _SHORTEST_SECRET))
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[structlog.processors.add_log_level, writer.say],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_Foreign(writer, stream)], level=number, force=True)
    for name in _OWN_HANDLERS:  # else they would go on writing whole tracebacks beside us
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class _Writer:
    def __init__(self, role: str, stream: TextIO, secrets: tuple[str, ...]) -> None:
        self._role = role
        self._stream = stream
        self._secrets = tuple(json.dumps(text)[1:-1] for text in secrets)

    def say(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
        return self.line(event)

    def line(self, event: Mapping[str, Any]) -> str:
        stamped = {"at": datetime.now(UTC).isoformat(), "role": self._role, **event}
        if "exc_info" in stamped:
            stamped |= _told(stamped.pop("exc_info"))
        kept = {name: _plain(value) for name, value in stamped.items() if name in ALLOWED}
        if len(kept) < len(stamped):
            kept["dropped"] = sorted(stamped.keys() - ALLOWED)
        text = _ENCODE(kept)
        for secret in self._secrets:
            text = text.replace(secret, _MASK)
        return text


class _Foreign(logging.Handler):
    """Libraries: the template without its arguments."""

    def __init__(self, writer: _Writer, stream: TextIO) -> None:
        super().__init__()
        self._writer = writer
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        constant = bool(record.args) or record.name.startswith(_PLAIN_SPOKEN)
        event = {
            "event": "library",
            "level": record.levelname.lower(),
            "logger": record.name,
            "template": str(record.msg) if constant else f"{record.module}:{record.lineno}",
            "exc_info": record.exc_info,
        }
        self._stream.write(self._writer.line(event) + "\n")


def _told(exc_info: Any) -> dict[str, Any]:
    """Class, place and causes of an exception; never its text."""
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if not isinstance(error, BaseException):
        return {}
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < 5:
        causes.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    return {
        "error": type(error).__name__,
        "error_at": [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames],
        **({"caused_by": causes} if causes else {}),
    }


def _plain(value: Any) -> Any:
    """What JSON can say of a value without asking the value for its own words."""
    if isinstance(value, str):
        return _masked(value)
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, Decimal | datetime):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in list(value)[:_MOST_ITEMS]]
    return type(value).__name__


def _masked(text: str) -> str:
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    if "@" in short:
        short = _EMAIL.sub("[email]", _URL_PASSWORD.sub(f"://{_MASK}@", short))
    return _CREDENTIAL.sub(rf"\1 {_MASK}", short) if " " in short else short
