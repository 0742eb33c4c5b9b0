import fcntl
import os
import socket
from pathlib import Path

import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.folder import free_port, own, publish, published


async def test_folder_is_free_again_after_its_owner(tmp_path: Path) -> None:
    async with own(tmp_path):
        pass
    async with own(tmp_path) as descriptor:
        assert (tmp_path / "lock").read_text() == str(os.getpid())
        assert descriptor > 0


async def test_folder_held_by_what_a_dead_owner_left_is_waited_for(tmp_path: Path) -> None:
    """The servers inherit the lock, so it may outlive the one who took it."""
    with (tmp_path / "lock").open("w") as inherited:
        inherited.write("4194305")  # above the largest process id there can be
        inherited.flush()
        fcntl.flock(inherited, fcntl.LOCK_EX)
        with pytest.raises(EmbeddedError, match="earlier run"):
            async with own(tmp_path, patience=0.2):
                pytest.fail("taken")


async def test_time_out_of_the_owner_stays_its_own(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        async with own(tmp_path):
            raise TimeoutError


def test_free_port_can_be_taken() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


def test_ports_of_several_processes_meet_in_one_file(tmp_path: Path) -> None:
    run_file = tmp_path / "deep" / "run.json"
    publish(run_file, {"api": {"port": 1}})
    publish(run_file, {"worker": {"port": 2}})
    assert published(run_file) == {"api": {"port": 1}, "worker": {"port": 2}}


def test_ports_of_what_ended_go_away(tmp_path: Path) -> None:
    run_file = tmp_path / "run.json"
    publish(run_file, {"api": {"port": 1}, "worker": {"port": 2}})
    publish(run_file, {"api": None})
    assert published(run_file) == {"worker": {"port": 2}}


def test_run_file_is_its_users_alone(tmp_path: Path) -> None:
    """It holds URLs of servers that trust whoever knocks."""
    publish(tmp_path / "run.json", {"api": 1})
    assert (tmp_path / "run.json").stat().st_mode & 0o777 == 0o600


def test_nothing_runs_where_nothing_was_published(tmp_path: Path) -> None:
    assert published(tmp_path / "run.json") == {}
