"""Brings a database to the newest schema, under an advisory lock, so that any number may try at once."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config

ROOT = Path(__file__).resolve().parents[2]


def config(url: str) -> Config:
    made = Config(ROOT / "alembic.ini")
    made.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return made


async def upgrade(url: str, revision: str = "head") -> None:
    await asyncio.to_thread(command.upgrade, config(url), revision)


async def downgrade(url: str, revision: str = "base") -> None:
    await asyncio.to_thread(command.downgrade, config(url), revision)
