"""Runs one question or change against the configured database."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from app.db.session import open_pool
from app.settings import Settings, load

T = TypeVar("T")


def ask(question: Callable[[asyncpg.Pool], Awaitable[T]], settings: Settings | None = None) -> T:
    """Opens a pool for the question and closes it again."""
    url = (settings or load()).database_url.get_secret_value()

    async def answer() -> T:
        async with open_pool(url, size=2, application="sluice-cli") as pool:
            return await question(pool)

    return asyncio.run(answer())


def actor() -> str:
    """Who is at the keyboard, for the audit trail."""
    return f"cli:{getpass.getuser()}"
