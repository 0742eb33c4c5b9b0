"""The doorbell's other end: a job carries nothing and means "look at Postgres"."""

from typing import Any

from app.flows.signal import Signal


async def drain(context: dict[str, Any], *_args: Any, **_named: Any) -> None:
    signal: Signal = context["signal"]
    signal.ring()
