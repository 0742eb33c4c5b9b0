"""Runs migrations on the URL handed in by `app.db.migrate` (or SLUICE_DATABASE_URL from the command line)."""

import asyncio
import os
import re

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from app.db import tables
from app.db.session import sqlalchemy_url

PARTITION = re.compile(r"^(message|receipt|attempt)_p\d+")


def include(name: str | None, kind: str, _parents: object) -> bool:
    return not (kind in {"table", "index"} and name is not None and PARTITION.match(name))


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        include_name=include,
        compare_server_default=False,
    )
    with context.begin_transaction():
        # Inside the transaction: taken earlier, Alembic would believe in an outer one and never commit.
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(7309480155)"))
        context.run_migrations()


async def online(url: str) -> None:
    engine = create_async_engine(sqlalchemy_url(url), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(migrate)
    await engine.dispose()


assert tables  # noqa: S101 - importing it fills the metadata
given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    asyncio.run(online(context.config.get_main_option("sqlalchemy.url") or os.environ["SLUICE_DATABASE_URL"]))
