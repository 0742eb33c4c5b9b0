"""Postgres and Valkey of an attack: killed on purpose, kept away on purpose, and started again on the same port."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress

import psutil

from app.embedded.supervise import Server


class Kept:
    """`keep` must run beside it."""

    def __init__(self, start: Callable[[], Awaitable[Server]], server: Server) -> None:
        self._start = start
        self._may_run = asyncio.Event()
        self._may_run.set()
        self.server = server
        self.kills = 0

    async def keep(self) -> None:
        """For ever: whatever ends is started again, unless it is to stay away."""
        while True:
            await self.server.process.ended()
            self.server.process.stop()
            await self._may_run.wait()
            self.server = await self._start()

    def kill(self, *, away: bool = False) -> None:
        """SIGKILL of the whole server. `away`: until `come_back`."""
        if away:
            self._may_run.clear()
        self.kills += 1
        self.server.process.send(signal.SIGKILL)

    def come_back(self) -> None:
        self._may_run.set()

    def crash_postgres(self) -> None:
        """As `pg_ctl stop -m immediate`: no checkpoint, no goodbye; the next start recovers."""
        self.kills += 1
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self.server.process.pid).children():
                if process.name().startswith("postgres"):
                    process.send_signal(signal.SIGQUIT)
