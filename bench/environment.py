"""The peers' own environments below .sluice/bench, made from lock files: what they need must not enter ours."""

import asyncio
import fcntl
import hashlib
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.arena import HOME, ROOT

LOCK = ROOT / "bench" / "requirements.lock"
NODE_FILES = ("package.json", "package-lock.json")


class InstallError(Exception):
    """A command of the installation failed; its output is the message."""


@dataclass(frozen=True, slots=True)
class Environments:
    """`python`: of the peers' virtual environment. `node`: folder with node_modules; None and `why` where it is absent."""

    python: Path
    node: Path | None
    why: str = ""


async def prepare() -> Environments:
    """Makes what is missing or older than its lock; the second time it only looks."""
    with _turn():
        python = await _prepare_python()
        try:
            return Environments(python, await _prepare_node())
        except InstallError as error:
            return Environments(python, None, str(error)[-200:])


async def draw(results: Sequence[Path]) -> None:
    """Plots beside results. Raises InstallError."""
    with _turn():
        python = await _prepare_python()
    await _run([str(python), str(ROOT / "bench" / "plot.py"), *map(str, results)])


@contextmanager
def _turn() -> Iterator[None]:
    """Two runs may not install side by side."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def _prepare_python() -> Path:
    venv = HOME / "venv"
    python = venv / "bin" / "python"
    if _current(venv, [LOCK]):
        return python
    shutil.rmtree(venv, ignore_errors=True)
    await _run([sys.executable, "-m", "venv", str(venv)])
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    await _run([*pip, "--require-hashes", "-r", str(LOCK)])
    _stamp(venv, [LOCK])
    return python


async def _prepare_node() -> Path:
    """Raises InstallError without Node. The scripts go beside node_modules: that is where Node looks for packages."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise InstallError("Node is not installed")
    folder = HOME / "node"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [ROOT / "bench" / name for name in NODE_FILES]
    if not _current(folder, wanted):
        for path in wanted:
            shutil.copy(path, folder)
        await _run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], folder)
        _stamp(folder, wanted)
    for path in (ROOT / "bench" / "peers").glob("*.mjs"):
        shutil.copy(path, folder)
    return folder


def _current(folder: Path, locks: Sequence[Path]) -> bool:
    stamp = folder / "stamp"
    return stamp.exists() and stamp.read_text() == _digest(locks)


def _stamp(folder: Path, locks: Sequence[Path]) -> None:
    (folder / "stamp").write_text(_digest(locks))


def _digest(locks: Sequence[Path]) -> str:
    return hashlib.sha256(b"".join(lock.read_bytes() for lock in locks)).hexdigest()


async def _run(argv: Sequence[str], cwd: Path = ROOT) -> None:
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise InstallError(output.decode(errors="replace").strip() or f"{argv[0]} failed")
