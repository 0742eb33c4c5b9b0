"""The real command, as a process."""

import asyncio
import json
import signal
import subprocess

import asyncpg
import httpx
import pytest

from app.cli.main import COMMANDS
from tests.cli.process import CLI, ROOT, running


def command(*args, env):
    return subprocess.run(
        [*CLI, *args], env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_missing_setting_ends_with_its_name_and_no_traceback(env):
    result = command("migrate", env={**env, "SLUICE_DATABASE_URL": "", "SLUICE_POL_SECONDS": "1"})
    assert result.returncode == 1
    assert "SLUICE_DATABASE_URL: " in result.stderr
    assert "SLUICE_POL_SECONDS is not a setting: did you mean POLL_SECONDS?" in result.stderr
    assert "Traceback" not in result.stderr


def test_lost_database_is_a_sentence(env):
    result = command("lanes", env={**env, "SLUICE_DATABASE_URL": "postgresql://x@127.0.0.1:1/x"})
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_unknown_command_is_wrong_usage(env):
    assert command("nonsense", env=env).returncode == 2


def test_data_is_alone_on_stdout(env):
    result = command("messages", "list", "--json", env=env)
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


def test_migrate_brings_an_empty_database_up_and_may_be_repeated(env, empty_database_url):
    empty = {**env, "SLUICE_DATABASE_URL": empty_database_url}
    assert [command("migrate", env=empty).returncode for _ in range(2)] == [0, 0]

    async def tables():
        conn = await asyncpg.connect(empty_database_url)
        count = await conn.fetchval("SELECT count(*) FROM message")
        await conn.close()
        return count

    assert asyncio.run(tables()) == 0


def test_every_command_has_a_module_of_its_name():
    files = {path.stem for path in (ROOT / "app" / "cli").glob("*.py")}
    assert set(COMMANDS) <= files


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_role_ends_in_order_when_it_is_told_to(env, number, code):
    async with running("exporter", env=env) as role:
        await role.answers("exporter", "/readyz")
        assert await role.end(number) == code
        assert role.told("exporter") is None


async def test_start_says_which_settings_are_set_and_no_value(env, database_url):
    async with running("exporter", env=env) as role:
        await role.answers("exporter", "/readyz")
        role.process.send_signal(signal.SIGTERM)
        _, said = await role.process.communicate()
    assert b"SLUICE_SNAPSHOT_SECONDS" in said
    assert database_url.encode() not in said


async def test_api_tells_its_real_ports(env):
    async with running("api", env=env) as role:
        await role.answers("api", "/readyz")
        async with httpx.AsyncClient() as client:
            reply = await client.get(role.told("api")["url"] + "/openapi.json")
        assert reply.json()["openapi"].startswith("3.1")
        assert await role.end(signal.SIGTERM) == 0


async def test_port_that_is_taken_is_a_sentence(env):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    taken = str(server.sockets[0].getsockname()[1])
    async with server, running("exporter", env={**env, "SLUICE_METRICS_PORT": taken}) as role:
        _, said = await role.process.communicate()
    assert role.process.returncode == 1
    assert b"Traceback" not in said
