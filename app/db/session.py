"""Connections to Postgres: an asyncpg pool whose sessions cannot hang a queue."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from asyncpg.exceptions import InterfaceError, InternalClientError, PostgresConnectionError, PostgresError

AWAY = (
    OSError,
    TimeoutError,
    PostgresConnectionError,
    InterfaceError,
    InternalClientError,  # asyncpg, when a connection breaks between two of its steps
)
"""Postgres cannot be reached now; what was asked may or may not have been committed."""

PASSING = (
    *AWAY,
    asyncpg.OperatorInterventionError,  # shut down, starting up, a statement that took too long
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,  # deadlock, serialization
    asyncpg.LockNotAvailableError,
)
"""The same statement may succeed in a moment."""

TROUBLE = (*AWAY, PostgresError)
"""Anything that Postgres, or its absence, may raise."""


def asyncpg_url(url: str) -> str:
    """Asyncpg's spelling of a database URL (no SQLAlchemy driver suffix)."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql"))


def sqlalchemy_url(url: str) -> str:
    """The spelling that Alembic's engine wants."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg"))


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(type(value).__name__)


_ENCODE = json.JSONEncoder(default=_plain, ensure_ascii=False, separators=(",", ":")).encode


def encode(value: Any) -> str:
    """JSON for jsonb; money becomes a string, never a float."""
    return _ENCODE(value)


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=encode, decoder=json.loads)


_BY_KEY = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}


async def _keep(_connection: asyncpg.Connection) -> None:
    """Nothing here sets anything for a session, so nothing has to be undone between two uses: a round trip less."""


@asynccontextmanager
async def open_pool(
    url: str, *, size: int = 10, application: str = "sluice", by_key: bool = False
) -> AsyncIterator[asyncpg.Pool]:
    """Opens without asking Postgres: a process may start while it is away. A statement runs at most 30 s, a transaction idles
    at most 10 s: an old snapshot would stop vacuum. Postgres asks a silent host whether it is there, and ends the
    sessions of one that does not answer for 10 s, instead of keeping their locks for hours.

    `by_key`: for sessions whose statements, but for a few chores, find their rows by an index. Their plans are made once,
    and read no whole table because it happened to be empty when they were made.
    """
    async with asyncpg.create_pool(
        asyncpg_url(url),
        min_size=0,
        max_size=size,
        init=_prepare,
        reset=_keep,
        timeout=5,
        command_timeout=35,
        server_settings={
            "application_name": application,
            "synchronous_commit": "on",
            "statement_timeout": "30000",
            "idle_in_transaction_session_timeout": "10000",
            "lock_timeout": "10000",
            "tcp_keepalives_idle": "5",
            "tcp_keepalives_interval": "5",
            "tcp_keepalives_count": "2",
            "tcp_user_timeout": "10000",
            "timezone": "UTC",
            **(_BY_KEY if by_key else {}),
        },
    ) as pool:
        yield pool
