"""Hints from Virtualstock: rows of its lists, pushes, tracking news."""

from typing import Any

from app.domain import message
from app.domain.message import Draft, MessageClass, Owner, Violation


def order_notice(connection: str, key: str, ref: str, body: dict[str, Any]) -> Draft:
    """`body`: via; of a list's row also `order` as it was read, and `read_at`. `if_known`: it matters only of an order that was
    read before; `if_unposted`: only of one that waits to be posted.
    """
    return _notice("order", connection, key, body, ref)


def return_notice(connection: str, key: str, ref: str, body: dict[str, Any]) -> Draft:
    """`body`: id, line, units, reason."""
    return _notice("return", connection, key, body, ref)


def hint(connection: str, key: str, body: dict[str, Any]) -> Draft:
    """Something happened: look."""
    return _notice("hint", connection, key, body)


def tracking(connection: str, key: str, body: dict[str, Any]) -> Draft:
    return _notice("tracking", connection, key, body)


def _notice(kind: str, connection: str, key: str, body: dict[str, Any], ref: str | None = None) -> Draft:
    return Draft(
        kind=f"virtualstock.{kind}",
        cls=MessageClass.NOTICE,
        destination=f"virtualstock:{connection}",
        source=connection,
        key=f"virtualstock/{connection}/{key}",
        order_ref=ref,
        body=body,
    )


def unreadable(connection: str, key: str, wrong: str, raw: bytes) -> Draft:
    """`wrong` names fields and holds no value: values may be personal."""
    fix = "read the stored row, and look for the order in Virtualstock by hand"
    return message.unreadable(
        f"virtualstock:{connection}", key, raw, Violation("E-UNREADABLE", wrong, "", fix, Owner.SRE)
    )
