"""So many requests a minute for each credential, whatever they ask (virtualstock.md 4)."""

import math
from collections import deque
from datetime import datetime, timedelta

from app.sandbox.virtualstock.refusal import Refused
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

WINDOW = timedelta(minutes=1)


class Throttle:
    """A restart of the sandbox forgets what was used. A refused request takes nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._asked: dict[str, deque[datetime]] = {}

    def admit(self, username: str) -> None:
        """Raises Refused 429."""
        now = self._world.clock.now()
        asked = self._asked.setdefault(username, deque())
        start = self._start(now)
        while asked and asked[0] < start:
            asked.popleft()
        if len(asked) >= setting(self._world, "requests_per_minute"):
            raise self._refuse(self._resume(asked, now) - now)
        asked.append(now)

    def burn(self, username: str, requests: int) -> None:
        """What another integration of the same account asked."""
        self._asked.setdefault(username, deque()).extend([self._world.clock.now()] * requests)

    def used(self, username: str) -> int:
        start = self._start(self._world.clock.now())
        return sum(one >= start for one in self._asked.get(username, ()))

    def _start(self, now: datetime) -> datetime:
        if setting(self._world, "throttle_window") == "fixed":
            return now.replace(second=0, microsecond=0)
        return now - WINDOW + timedelta(microseconds=1)

    def _resume(self, asked: deque[datetime], now: datetime) -> datetime:
        if setting(self._world, "throttle_window") == "fixed":
            return self._start(now) + WINDOW
        return asked[len(asked) - setting(self._world, "requests_per_minute")] + WINDOW

    def _refuse(self, wait: timedelta) -> Refused:
        seconds = max(math.ceil(wait.total_seconds()), 1)
        headers = {"Retry-After": str(seconds)} if setting(self._world, "retry_after") else {}
        told = f"Request was throttled. Expected available in {seconds}.0 seconds."
        return Refused(429, {"detail": told}, headers=headers)
