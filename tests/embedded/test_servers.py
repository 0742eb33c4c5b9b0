import asyncio
import os
import pwd
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from app.embedded.errors import EmbeddedError
from app.embedded.postgres import Postgres, start_postgres
from app.embedded.reach import discard, reachable
from app.embedded.servers import Wish, open_servers
from app.embedded.supervise import Account, wait_gone
from tests.embedded.conftest import StartParent
from tests.embedded.waiting import left

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user takes root")


async def ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def ping(url: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2].split("/")[0]))
    writer.write(b"PING\r\n")
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_both_answer_and_leave_nothing_behind(open_folder: Path) -> None:
    async with open_servers(Wish(open_folder / "home")) as servers:
        assert await ask(servers.database_url, "SELECT current_database()") == "sluice"
        assert await ping(servers.redis_url) == b"+PONG\r\n"
    assert [process.exit_code() for process in servers.processes()] == [0, 0]


async def test_data_folder_is_named_by_major_version(open_folder: Path) -> None:
    async with open_servers(Wish(open_folder / "home", redis_url="redis://given")) as servers:
        version = str(await ask(servers.database_url, "SHOW server_version"))
    assert (open_folder / "home" / f"postgres-{version.partition('.')[0]}").is_dir()


async def test_second_start_finds_the_data(open_folder: Path) -> None:
    wish = Wish(open_folder / "home", redis_url="redis://given")
    async with open_servers(wish) as servers:
        await ask(servers.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with open_servers(wish) as servers:
        assert await ask(servers.database_url, "SELECT answer FROM kept") == 42


async def test_given_urls_start_nothing(tmp_path: Path) -> None:
    async with open_servers(Wish(tmp_path / "home", "postgresql://a", "redis://b")) as servers:
        assert (servers.database_url, servers.redis_url, servers.processes()) == (
            "postgresql://a",
            "redis://b",
            (),
        )


async def test_same_folder_twice_is_refused_by_the_owners_id(open_folder: Path) -> None:
    wish = Wish(open_folder / "home", "postgresql://a", "redis://b")
    async with open_servers(wish):
        with pytest.raises(EmbeddedError, match=f"Process {os.getpid()} already runs"):
            async with open_servers(wish):
                pytest.fail("two owners")


async def test_crashed_postgres_recovers_on_its_port(open_folder: Path) -> None:
    first = await start_postgres(Postgres(open_folder / "home"))
    await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    await ask(first.url, "SELECT pg_backend_pid()")
    first.process.send(9)
    await first.process.ended()
    again = await start_postgres(Postgres(open_folder / "home", port=first.port))
    assert await ask(again.url, "SELECT answer FROM kept") == 42
    wait_gone([first.process, again.process])


def test_killed_parent_leaves_no_child(open_folder: Path, start_parent: StartParent) -> None:
    parent = start_parent(open_folder / "home")
    assert {process.name() for process in parent.below} >= {"postgres", "valkey-server"}
    parent.kill()
    assert left(parent.below) == []


async def test_start_right_after_a_kill_waits_for_the_old_servers(
    open_folder: Path, start_parent: StartParent
) -> None:
    first = start_parent(open_folder / "home")
    await ask(first.database_url, "CREATE TABLE kept AS SELECT 42 AS answer")
    first.kill()
    second = start_parent(open_folder / "home")
    assert await ask(second.database_url, "SELECT answer FROM kept") == 42


async def test_two_folders_at_once_do_not_meet(open_folder: Path, start_parent: StartParent) -> None:
    first, second = start_parent(open_folder / "a"), start_parent(open_folder / "b")
    await ask(first.database_url, "CREATE TABLE only_here ()")
    assert await ask(second.database_url, "SELECT to_regclass('only_here')") is None
    first.kill()
    assert await ping(second.redis_url) == b"+PONG\r\n"


@pytest.mark.skipif(not SYSTEM, reason="no PostgreSQL of the system here")
async def test_postgres_of_the_system_serves_too(open_folder: Path) -> None:
    server = await start_postgres(Postgres(open_folder / "home", bindir=SYSTEM[-1].parent))
    assert str(await ask(server.url, "SHOW server_version")).startswith(SYSTEM[-1].parts[-3])
    wait_gone([server.process])


@as_root
async def test_root_serves_from_a_folder_that_only_root_may_enter(tmp_path: Path) -> None:
    """`/root` is such a folder; nobody's modes are changed for it."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with open_servers(Wish(closed / "home")) as servers:
        assert await ask(servers.database_url, "SELECT 1") == 1
        assert await ping(servers.redis_url) == b"+PONG\r\n"
    assert closed.stat().st_mode & 0o777 == 0o700
    stand_ins = [part.resolve() for part in (closed / "home").iterdir() if part.is_symlink()]
    discard(closed / "home")
    assert [path for path in stand_ins if path.exists()] == []
    assert len(stand_ins) == 2


@as_root
async def test_ordinary_user_serves_and_leaves_no_child(open_folder: Path, start_parent: StartParent) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    python = _python_for(nobody)
    os.chown(open_folder, nobody, -1)
    parent = start_parent(open_folder / "home", python, nobody)
    assert await ask(parent.database_url, "SELECT 1") == 1
    assert {process.uids().real for process in parent.below} == {nobody}
    parent.kill()
    assert left(parent.below) == []


def _python_for(user: int) -> str:
    """An interpreter of our minor version that this user can execute; ours may lie below /root."""
    if not reachable(Path(__file__), Account(user, user)):
        pytest.skip("this checkout is closed to an ordinary user")
    show = "import sys; print(sys.version_info[:2])"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            shown = subprocess.run(
                [python, "-c", show], user=user, cwd="/", capture_output=True, text=True, check=False
            )
        except OSError:
            continue
        if shown.stdout.strip() == str(sys.version_info[:2]):
            return python
    pytest.skip("no Python here that an ordinary user can execute")
