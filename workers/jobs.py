"""The doorbell's other end: a job carries nothing and means "look at Postgres"."""

from typing import Any

from app.flows.signal import Signal


async def drain(ctx: dict[Any, Any], *_args: Any, **_kwargs: Any) -> None:
    signal: Signal = ctx["signal"]
    signal.ring()
