"""Wakes the loops of one process. Many may wait; a ring between a look and the wait is not lost."""

import asyncio
from contextlib import suppress


class Signal:
    def __init__(self) -> None:
        self._rings = 0
        self._event = asyncio.Event()
        self.stopping = False

    def mark(self) -> int:
        """Take it before you look; `wait` returns at once if it rang since."""
        return self._rings

    def ring(self) -> None:
        self._rings += 1
        self._event.set()
        self._event = asyncio.Event()

    def stop(self) -> None:
        self.stopping = True
        self.ring()

    async def wait(self, mark: int, seconds: float) -> None:
        if self._rings == mark and not self.stopping:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._event.wait()

    async def pause(self, seconds: float) -> None:
        """Sleeps through rings, but not through the stop."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self.stopping and (left := until - loop.time()) > 0:
            await self.wait(self._rings, left)
