"""Folders of runs: one's own, never another's."""

import fcntl
from pathlib import Path

from bench.arena import beside, own_home


def test_run_that_still_lives_keeps_its_folder(tmp_path: Path) -> None:
    other = tmp_path / "other" / "servers"
    other.mkdir(parents=True)
    with (other / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        own_home(tmp_path)
        assert other.exists()


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    other = tmp_path / "other" / "servers"
    other.mkdir(parents=True)
    (other / "lock").touch()
    home = own_home(tmp_path)
    assert list(tmp_path.iterdir()) == [home]


def test_beside_names_another_database_of_the_same_server() -> None:
    assert (
        beside("postgresql://sluice@127.0.0.1:5/sluice", "other") == "postgresql://sluice@127.0.0.1:5/other"
    )
