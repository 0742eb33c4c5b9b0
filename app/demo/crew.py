"""Sluice's own processes and the sandbox: started, killed on purpose, and started again at once on the same ports."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import httpx

from app.demo.errors import DemoError
from app.embedded.supervise import Child, Process, until_ready

READY_SECONDS = 60.0
ENDS_MOST = 5
PORTS = range(18_000, 32_000)
"""Below those that systems give to outgoing connections: a port must still be ours after a kill."""


def pick_ports(count: int, chance: random.Random) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        port = chance.choice(PORTS)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.add(port)
    return list(found)


def clean_environment() -> dict[str, str]:
    """Ours without any SLUICE_ setting: the demo's are complete, and a real system's must not leak into it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}


class Crew:
    """`probes`: name -> the address that answers 200 when the process is ready. `hold`: see Child."""

    def __init__(self, logs: Path, hold: int) -> None:
        self._logs = logs
        self._hold = hold
        self._children: dict[str, Child] = {}
        self._probes: dict[str, str] = {}
        self._running: dict[str, Process] = {}
        self.kills: Counter[str] = Counter()
        self.falls: Counter[str] = Counter()

    def hire(self, name: str, command: list[str], env: Mapping[str, str], probe: str) -> None:
        """`command`: of `sluice`."""
        argv = [sys.executable, "-m", "app.cli.main", *command]
        given = {**clean_environment(), **env}
        log = self._logs / f"{name}.log"
        self._children[name] = Child(name, argv, log, given, cwd=Path.cwd(), hold=self._hold)
        self._probes[name] = probe
        self._running[name] = Process(self._children[name])

    async def ready(self, http: httpx.AsyncClient, *names: str) -> None:
        """Raises EmbeddedError with the end of its log when one does not come up."""
        for name in names:
            await until_ready(self._running[name], partial(self._answers, http, name), READY_SECONDS)

    async def _answers(self, http: httpx.AsyncClient, name: str) -> bool:
        try:
            return (await http.get(self._probes[name], timeout=2)).is_success
        except httpx.TransportError:
            return False

    async def keep(self, name: str) -> None:
        """For ever: whatever ends is started again at once. Raises DemoError when it falls by itself too often."""
        while True:
            expected = self.kills[name]
            code = await self._running[name].ended()
            if self.kills[name] == expected:
                self.falls[name] += 1
            if self.falls[name] > ENDS_MOST:
                tail = self._running[name].tail()
                raise DemoError(f"{name} keeps ending (code {code}); its log says:\n{tail}")
            self._running[name] = Process(self._children[name])

    def kill(self, name: str) -> None:
        """SIGKILL, no warning."""
        self.kills[name] += 1
        self._running[name].send(signal.SIGKILL)

    def names(self) -> list[str]:
        return list(self._children)

    def processes(self) -> list[Process]:
        return list(self._running.values())

    async def run(self, name: str, command: list[str], env: Mapping[str, str]) -> tuple[int, str]:
        """A command of `sluice` that ends by itself: its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "app.cli.main",
            *command,
            env={**clean_environment(), **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            told, _ = await asyncio.wait_for(process.communicate(), READY_SECONDS)
        except BaseException as error:
            process.kill()
            if isinstance(error, TimeoutError):
                raise DemoError(f"sluice {name} did not end within {READY_SECONDS:.0f} s") from None
            raise
        return process.returncode or 0, told.decode(errors="replace").strip()
