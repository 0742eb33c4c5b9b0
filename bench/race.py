"""A backlog, some processes, a start signal, a clock: how long until nothing is left."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench.arena import ROOT

Jobs = Sequence[Mapping[str, Any]]
Left = Callable[[], Awaitable[int]]
START_SECONDS = 60.0
STALL_SECONDS = 90.0
LOOK_SECONDS = 0.005
Pipe = TypeVar("Pipe")


class StalledError(Exception):
    """A process ended, or nothing moved for long; the end of its log is the message."""


@dataclass(frozen=True, slots=True)
class Runner:
    """`argv`: before the verb. `cwd`: where it must run."""

    argv: Sequence[str]
    cwd: Path = ROOT


@dataclass(frozen=True, slots=True)
class Course:
    """`left`: how many jobs are not completed yet, asked of the store itself. `log`: takes the processes' complaints."""

    url: str
    total: int
    left: Left
    log: Path


async def fill(runner: Runner, url: str, jobs: Jobs, folder: Path) -> None:
    """Queues all jobs by the peer's own verb."""
    path, log = folder / "jobs.json", folder / "fill.log"
    path.write_text(json.dumps(list(jobs)))
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *runner.argv, "fill", url, str(path), cwd=runner.cwd, stdout=errors, stderr=errors
        )
        if await process.wait() != 0:
            raise StalledError(tail(log))


@dataclass(frozen=True, slots=True)
class Lap:
    jobs: int
    seconds: float

    @property
    def rate(self) -> float:
        """Jobs a second."""
        return self.jobs / self.seconds


async def drain(runner: Runner, course: Course, processes: int) -> Lap:
    """From the first word of progress, since some connect and check much after the start signal, until the store holds
    nothing that is not completed; what was done by that first word does not count.
    """
    with course.log.open("wb") as errors:
        async with AsyncExitStack() as stack:
            running = [
                await stack.enter_async_context(_open(runner, course.url, errors)) for _ in range(processes)
            ]
            async with asyncio.timeout(START_SECONDS):
                for process in running:
                    await _ready(process, course.log)
            for process in running:
                _pipe(process.stdin).write(b"go\n")
            return await _timed(running, course)


@asynccontextmanager
async def _open(runner: Runner, url: str, errors: Any) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *runner.argv,
        "work",
        url,
        cwd=runner.cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=errors,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _ready(process: asyncio.subprocess.Process, log: Path) -> None:
    """Libraries may greet on the same output before."""
    while line := await _pipe(process.stdout).readline():
        if line.strip() == b"ready":
            return
    raise StalledError(tail(log))


async def _timed(running: Sequence[asyncio.subprocess.Process], course: Course) -> Lap:
    """The processes tell how far they are, so that the store is asked only at the end."""
    clock = asyncio.get_running_loop().time
    told = [0] * len(running)
    readers = [asyncio.ensure_future(_listen(process, told, n)) for n, process in enumerate(running)]
    began = clock()
    try:
        await _progress(readers, told, course)
        counted = counted_after(course.total, sum(told))
        if counted < course.total:
            began = clock()
        while sum(told) < course.total:
            await _progress(readers, told, course)
        async with asyncio.timeout(STALL_SECONDS):
            while await course.left():  # noqa: ASYNC110 - another process's store sets no event
                await asyncio.sleep(LOOK_SECONDS)
        return Lap(counted, clock() - began)
    except TimeoutError:
        raise StalledError(f"{await course.left()} of {course.total} left. {tail(course.log)}") from None
    finally:
        for reader in readers:
            reader.cancel()


def counted_after(total: int, ahead: int) -> int:
    """Jobs that count when `ahead` were done by the first word; all of them where that was already the last."""
    return total - ahead if ahead < total else total


async def _progress(readers: Sequence[asyncio.Future[None]], told: Sequence[int], course: Course) -> None:
    """Returns when any process told more."""
    before = list(told)
    async with asyncio.timeout(STALL_SECONDS):
        while list(told) == before:
            if all(reader.done() for reader in readers):
                raise StalledError(tail(course.log))
            await asyncio.sleep(LOOK_SECONDS)


async def _listen(process: asyncio.subprocess.Process, told: list[int], place: int) -> None:
    while line := await _pipe(process.stdout).readline():
        if line.strip().isdigit():
            told[place] = int(line)


def _pipe(pipe: Pipe | None) -> Pipe:
    if pipe is None:
        raise RuntimeError("the process was started without this pipe")
    return pipe


def tail(log: Path) -> str:
    return log.read_bytes()[-600:].decode(errors="replace").strip() or "no word in its log"
