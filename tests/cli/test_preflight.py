import asyncio
import json
from contextlib import asynccontextmanager

import asyncpg
import pytest

from app.cli.preflight import app
from app.db.migrate import downgrade
from app.domain.channel import Channel
from app.domain.errors import DestinationError
from app.flows.preflight import check_channel, check_database, check_redis, find_problems

CENTRA = {
    "SLUICE_CENTRA__uk__BASE_URL": "http://127.0.0.1:1/graphql",
    "SLUICE_CENTRA__uk__TOKEN": "t",
    "SLUICE_CENTRA__uk__PREFIX": "UK",
    "SLUICE_CENTRA__uk__WEBHOOK_SECRETS": "s",
}
SAGE = {
    "SLUICE_SAGE200__BASE_URL": "http://127.0.0.1:1/accounts/v1",
    "SLUICE_SAGE200__TOKEN_URL": "http://127.0.0.1:1/token",
    "SLUICE_SAGE200__CLIENT_ID": "id",
    "SLUICE_SAGE200__CLIENT_SECRET": "hush",
    "SLUICE_SAGE200__REFRESH_TOKEN": "hush",
    "SLUICE_SAGE200__SITE": "site",
    "SLUICE_SAGE200__COMPANY": "1",
}


async def test_sound_database_has_no_problems(pool, database_url):
    assert await check_database(pool, database_url) == []


async def test_database_without_schema_is_told_what_to_do(empty_database_url):
    pool = await asyncpg.create_pool(empty_database_url, min_size=1, max_size=1)
    (problem,) = await check_database(pool, empty_database_url)
    assert "sluice migrate" in problem.text
    await pool.close()


async def test_database_at_another_revision_is_told_both(pool, database_url):
    await pool.execute("UPDATE alembic_version SET version_num = 'older'")
    (problem,) = await check_database(pool, database_url)
    assert "revision older" in problem.text


async def test_database_that_takes_no_writes_is_a_problem(database_url):
    pool = await asyncpg.create_pool(
        database_url, min_size=1, max_size=1, server_settings={"default_transaction_read_only": "on"}
    )
    (problem,) = await check_database(pool, database_url)
    assert "no writes" in problem.text
    await pool.close()


async def test_living_redis_has_no_problems(redis_url):
    assert await check_redis(redis_url) == []


@asynccontextmanager
async def stranger(answer):
    async def converse(reader, writer):
        await reader.readline()
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(converse, "127.0.0.1", 0)
    async with server:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_absent_redis_is_a_warning_only():
    (problem,) = await check_redis("redis://127.0.0.1:1")
    assert problem.warning


@pytest.mark.parametrize(("answer", "found"), [(b"HTTP/1.1 400\r\n", 1), (b"-NOAUTH\r\n", 0), (b"", 1)])
async def test_what_answers_must_be_redis(answer, found):
    async with stranger(answer) as url:
        assert len(await check_redis(url)) == found


async def test_check_that_fails_hides_no_other():
    async def say():
        return ("the store is not ours",)

    async def fail():
        raise DestinationError("it answers 503")

    checks = {
        "centra:uk": lambda: check_channel(Channel("centra", "uk", preflight=fail)),
        "centra:us": lambda: check_channel(Channel("centra", "us", preflight=say)),
        "plain": lambda: check_channel(Channel("centra", "plain")),
    }
    found = [(problem.where, problem.text) for problem in await find_problems(checks)]
    assert found == [
        ("centra:uk", "cannot be checked: it answers 503"),
        ("centra:us", "the store is not ours"),
    ]


def wheres(result):
    return {problem["where"] for problem in json.loads(result.out)}


def test_command_tells_every_problem_at_once(shell, database_url):
    result = shell(app, "--json", **CENTRA, **SAGE)
    assert result.code == 1
    assert wheres(result) == {"redis", "centra:uk", "sage200:main", "mappings"}


def test_command_without_the_erp_checks_the_rest(shell, database_url):
    result = shell(app, "--json")
    assert wheres(result) == {"redis", "settings"}
    assert "SLUICE_SAGE200" in result.out


def test_command_without_a_database_checks_the_rest(shell, database_url):
    dead = {"SLUICE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/x"}
    result = shell(app, **dead, **CENTRA)
    assert result.code == 1
    assert "problem  database  cannot be reached" in result.out
    assert "problem  centra:uk  " in result.out
    assert "warning  redis  " in result.out


async def test_schema_that_was_taken_back_is_found(pool, database_url):
    await downgrade(database_url)
    (problem,) = await check_database(pool, database_url)
    assert "no schema" in problem.text
