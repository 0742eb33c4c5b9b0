import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
PARENT = Path(__file__).with_name("parent.py")


@dataclass(frozen=True)
class Parent:
    """A process that has started servers, and every process below it."""

    process: subprocess.Popen
    database_url: str
    redis_url: str
    below: tuple[psutil.Process, ...]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


StartParent = Callable[..., Parent]


@pytest.fixture
def start_parent() -> Iterator[StartParent]:
    """`start_parent(home, python=…, user=…)`; whatever a failed test leaves is killed."""
    started: list[Parent] = []

    def start(home: Path, python: str = sys.executable, user: int | None = None) -> Parent:
        process = subprocess.Popen(
            [python, PARENT, home],
            stdout=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.defpath, "PYTHONPATH": f"{ROOT}:{sysconfig.get_path('purelib')}"},
            user=user,
            extra_groups=None if user is None else [],
            text=True,
        )
        said = json.loads(process.stdout.readline())
        process.stdout.close()
        below = tuple(psutil.Process(process.pid).children(recursive=True))
        started.append(Parent(process, said["database_url"], said["redis_url"], below))
        return started[-1]

    yield start
    for parent in started:
        parent.kill()
        for process in parent.below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter; pytest's own are its user's alone."""
    folder = Path(tempfile.mkdtemp(prefix="sluice-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)
