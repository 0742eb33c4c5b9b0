"""Can we reach and write what we must? Everything that is wrong at once, before the first order finds it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from alembic.script import ScriptDirectory

from app.db.migrate import config
from app.db.session import TROUBLE
from app.domain.channel import Channel
from app.domain.erp import Erp
from app.domain.errors import SluiceError
from app.domain.message import Owner, Violation
from app.mappings.lint import lint, lint_carriers, wanted
from app.mappings.read import load

OLDEST_POSTGRES = 150_000
REDIS_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """`where`: `database`, `redis`, `centra:uk`, `mappings` ... `warning`: costs something, stops nothing."""

    where: str
    text: str
    owner: Owner = Owner.SRE
    warning: bool = False


Check = Callable[[], Awaitable[Sequence[Problem]]]


async def find_problems(checks: Mapping[str, Check]) -> list[Problem]:
    """All checks side by side, in their order; one that cannot be made is a problem itself and hides no other."""
    found = await asyncio.gather(*(_made(where, check) for where, check in checks.items()))
    return [problem for problems in found for problem in problems]


async def _made(where: str, check: Check) -> Sequence[Problem]:
    try:
        return await check()
    except SluiceError as error:
        return [Problem(where, f"cannot be checked: {error}")]
    except TROUBLE as error:
        return [Problem(where, f"cannot be reached: {type(error).__name__}: {error}")]


async def check_database(pool: asyncpg.Pool, url: str) -> list[Problem]:
    """Its version, whether it takes writes, and whether its schema is ours."""
    number = int(await pool.fetchval("SHOW server_version_num"))
    problems = []
    if number < OLDEST_POSTGRES:
        problems.append(f"is Postgres {number // 10_000}: 15 or newer is needed")
    if await pool.fetchval("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on'"):
        problems.append("takes no writes: it is a replica or read-only")
    head = ScriptDirectory.from_config(config(url)).get_current_head()
    table = await pool.fetchval("SELECT to_regclass('alembic_version')::text")
    current = await pool.fetchval("SELECT version_num FROM alembic_version") if table else None
    if current is None:
        problems.append("has no schema: run `sluice migrate`")
    elif current != head:
        problems.append(f"is at revision {current}, this program at {head}: run `sluice migrate`")
    return [Problem("database", text) for text in problems]


async def check_redis(url: str) -> list[Problem]:
    """Only a warning: without the doorbell everything still happens, about a second later."""
    parts = urlsplit(url)
    tls = ssl.create_default_context() if parts.scheme == "rediss" else None
    try:
        async with asyncio.timeout(REDIS_SECONDS):
            reader, writer = await asyncio.open_connection(
                parts.hostname or "localhost", parts.port or 6379, ssl=tls
            )
            writer.write(b"PING\r\n")
            answer = await reader.readline()
            writer.close()
    except (OSError, TimeoutError) as error:
        return [_redis(f"cannot be reached: {type(error).__name__}")]
    # A server that wants a password first is there; what it is told belongs to the doorbell.
    spoken = answer.startswith((b"+PONG", b"-NOAUTH"))
    return [] if spoken else [_redis("something else answers at its address")]


def _redis(text: str) -> Problem:
    return Problem("redis", f"{text}; work goes on, about a second later", warning=True)


async def check_channel(channel: Channel) -> list[Problem]:
    texts = await channel.preflight() if channel.preflight else ()
    return [Problem(channel.destination, text) for text in texts]


async def check_erp(erp: Erp) -> list[Problem]:
    return [Problem(erp.destination, text) for text in await erp.preflight()]


async def check_carriers(pool: asyncpg.Pool, channel: Channel) -> list[Problem]:
    """Whether every field that a despatch must tell has a source (R-44)."""
    if channel.ship is None:
        return []
    listed = await channel.carriers() if channel.carriers else None
    return _unsound(lint_carriers(await load(pool), channel.connection, listed))


async def check_mappings(pool: asyncpg.Pool, erp: Erp) -> list[Problem]:
    """The tables against what the ERP knows today."""
    mappings = await load(pool)
    return _unsound(lint(mappings, await erp.facts(wanted(mappings))))


def _unsound(found: Iterable[Violation]) -> list[Problem]:
    return [
        Problem("mappings", f"{one.code} {one.field}: {one.value}: {one.fix}", one.owner) for one in found
    ]
