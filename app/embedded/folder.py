"""A folder of running servers: one owner at a time, and the ports they really have."""

import asyncio
import fcntl
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from app.embedded.errors import EmbeddedError


@asynccontextmanager
async def own(home: Path, patience: float = 15.0) -> AsyncIterator[int]:
    """The locked descriptor. The servers inherit it, so that the folder is free only when the last of them is gone:
    after a SIGKILL of their starter the next one waits for that, but refuses at once while the starter lives.
    """
    descriptor = _open_lock(home)
    try:
        await _take(descriptor, home, patience)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def free_port(host: str = "127.0.0.1") -> int:
    """Free a moment ago; whoever takes it must be ready to lose the race."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def publish(run_file: Path, facts: Mapping[str, Any]) -> None:
    """Adds to `.sluice/run.json`, the one place that tells real ports. A key whose value is None goes away."""
    run_file.parent.mkdir(parents=True, exist_ok=True)
    with _turn(run_file):
        kept = {**published(run_file), **facts}
        fresh = run_file.with_suffix(".new")
        fresh.write_text(
            json.dumps({key: value for key, value in kept.items() if value is not None}, indent=2) + "\n"
        )
        fresh.chmod(0o600)
        fresh.replace(run_file)


def published(run_file: Path) -> dict[str, Any]:
    """Empty where nothing runs."""
    with suppress(FileNotFoundError, ValueError):
        found = json.loads(run_file.read_text())
        return found if isinstance(found, dict) else {}
    return {}


@contextmanager
def _turn(run_file: Path) -> Iterator[None]:
    with run_file.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        yield


def _open_lock(home: Path) -> int:
    home.mkdir(parents=True, exist_ok=True)
    return os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


async def _take(descriptor: int, home: Path, patience: float) -> None:
    try:
        async with asyncio.timeout(patience):
            while not _locked(descriptor):
                _refuse_living_owner(home)
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise EmbeddedError(f"Servers of an earlier run still use {home}.") from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _refuse_living_owner(home: Path) -> None:
    text = (home / "lock").read_text()
    if text and _alive(int(text)):
        raise EmbeddedError(f"Process {text} already runs servers in {home}. Stop it, or use another folder.")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
