"""Bears processes of the gateway by forking: each runs what `sluice worker` or `sluice api` runs, without the second
that importing takes.

Each line of standard input asks for one, `{"role", "env", "log"}`, and is answered with its process id. All end with it.
"""

import asyncio
import ctypes
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from app.cli.start import start
from app.demo.crew import clean_environment
from app.main import serve as serve_api
from workers.main import serve as serve_worker

ROOT = Path(__file__).parents[2]
ROLES = {"api": serve_api, "worker": serve_worker}
PARENT_DIES = 1  # PR_SET_PDEATHSIG of prctl(2)


class Nursery:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def bear(self, role: str, env: Mapping[str, str], log: Path) -> int:
        """Its process id, which is nobody else's until the nursery is closed."""
        wish = {"role": role, "env": {**clean_environment(), **env}, "log": str(log)}
        async with self._turn:
            self._process.stdin.write(json.dumps(wish).encode() + b"\n")
            return int(await self._process.stdout.readline())


@asynccontextmanager
async def open_nursery() -> AsyncIterator[Nursery]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.nursery"),
        cwd=ROOT,
        env=clean_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Nursery(process)
    finally:
        process.stdin.close()
        await process.wait()


async def gone(pid: int) -> None:
    """Ends when the process has."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    handle = os.pidfd_open(pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def is_gone(pid: int) -> bool:
    handle = os.pidfd_open(pid)
    try:
        return bool(select.select([handle], [], [], 0)[0])
    finally:
        os.close(handle)


def _live(wish: Mapping[str, Any]) -> NoReturn:
    ctypes.CDLL(None).prctl(PARENT_DIES, signal.SIGKILL)
    log = os.open(wish["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.clear()
    os.environ.update(wish["env"])
    try:
        start(wish["role"], ROLES[wish["role"]])
    except BaseException:  # noqa: BLE001 - whatever it is, it must not run on as a second nursery
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main() -> None:
    """The dead stay unreaped until the end, so that no process id means two processes."""
    born = []
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _live(json.loads(line))
        born.append(child)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
    for child in born:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
