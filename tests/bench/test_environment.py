"""When the peers' environments are made anew."""

from pathlib import Path

from bench import environment


def test_environment_is_current_until_its_lock_changes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1")
    environment._stamp(tmp_path, [lock])
    before = environment._current(tmp_path, [lock])
    lock.write_text("a==2")
    assert (before, environment._current(tmp_path, [lock])) == (True, False)


def test_environment_that_was_never_finished_is_not_current(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("a==1")
    assert environment._current(tmp_path, [tmp_path / "lock"]) is False
