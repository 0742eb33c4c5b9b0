import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any


def real_now() -> datetime:
    return datetime.now(UTC)


class Clock:
    """The vendors' time: real time moved by an offset and run `scale` times as fast."""

    def __init__(self, real: Callable[[], datetime] = real_now) -> None:
        self._real = real
        self._anchor = real()
        self._shown = self._anchor
        self.scale = 1.0

    def now(self) -> datetime:
        return self._shown + (self._real() - self._anchor) * self.scale

    def set(self, *, at: datetime | None = None, scale: float | None = None) -> None:
        """Without `at` the shown time goes on from where it is."""
        shown = at if at is not None else self.now()
        self._anchor = self._real()
        self._shown = shown
        if scale is not None:
            self.scale = scale

    def advance(self, seconds: float) -> None:
        self._shown += timedelta(seconds=seconds)

    def state(self) -> dict[str, str | float]:
        return {"anchor": self._anchor.isoformat(), "shown": self._shown.isoformat(), "scale": self.scale}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._anchor = datetime.fromisoformat(state["anchor"])
        self._shown = datetime.fromisoformat(state["shown"])
        self.scale = state["scale"]

    async def sleep(self, seconds: float) -> None:
        """`seconds` of shown time; a clock set forward does not wake a sleeper."""
        await asyncio.sleep(max(seconds, 0) / self.scale)
