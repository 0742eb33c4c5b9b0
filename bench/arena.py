"""One Postgres and one Valkey for everybody, with the same settings; a fresh database for each round."""

import fcntl
import os
import platform
import secrets
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import asyncpg
import psutil
from redis.asyncio import Redis

from app.db.migrate import upgrade
from app.embedded.reach import discard
from app.embedded.servers import Wish, open_servers

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".sluice" / "bench"
TEMPLATE = "bench_template"
# What a small server is given; nothing that a commit would not wait for in production.
SETTINGS = MappingProxyType(
    {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "shared_buffers": "1GB",
        "max_wal_size": "8GB",
        "checkpoint_timeout": "15min",
        "max_connections": "300",
    }
)


@dataclass(frozen=True, slots=True)
class Arena:
    """`database_url`: the server's; rounds take databases of their own. `quick`: small sizes, for a look. `home`: this
    run's folder, gone afterwards.
    """

    database_url: str
    redis_url: str
    quick: bool
    home: Path

    @asynccontextmanager
    async def database(self, *, migrated: bool = True) -> AsyncIterator[str]:
        """The URL of an empty database, at our newest revision or with no table at all; dropped afterwards."""
        name = f"bench_{secrets.token_hex(6)}"
        admin = await asyncpg.connect(self.database_url)
        try:
            await admin.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE if migrated else 'template0'}")
            await admin.execute("CHECKPOINT")
            try:
                yield beside(self.database_url, name)
            finally:
                await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await admin.close()

    async def empty_redis(self) -> str:
        """The URL of Valkey, with nothing in it."""
        async with Redis.from_url(self.redis_url) as client:
            await client.flushall()
        return self.redis_url


def beside(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


@asynccontextmanager
async def open_arena(*, quick: bool) -> AsyncIterator[Arena]:
    home = own_home(HOME / "runs")
    bindir = os.environ.get("PG_BINDIR")
    wish = Wish(
        home / "servers",
        bindir=Path(bindir) if bindir else None,
        postgres_settings=SETTINGS,
        polite=signal.SIGQUIT,
    )
    try:
        async with open_servers(wish) as servers:
            admin = await asyncpg.connect(servers.database_url)
            await admin.execute(f"CREATE DATABASE {TEMPLATE}")
            await admin.close()
            await upgrade(beside(servers.database_url, TEMPLATE))
            yield Arena(servers.database_url, servers.redis_url, quick, home)
    finally:
        remove(home)


def own_home(folder: Path) -> Path:
    """A new folder for this run; what killed runs left is removed, what runs is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for lock in folder.glob("*/servers/lock"):
        with lock.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            remove(lock.parents[1])
    home = Path(tempfile.mkdtemp(dir=folder))
    home.chmod(0o711)
    return home


def remove(home: Path) -> None:
    discard(home / "servers")
    shutil.rmtree(home, ignore_errors=True)


async def machine_of(arena: Arena) -> dict[str, Any]:
    admin = await asyncpg.connect(arena.database_url)
    try:
        postgres = await admin.fetchval("SHOW server_version")
    finally:
        await admin.close()
    async with Redis.from_url(arena.redis_url) as client:
        facts = await client.info("server")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "postgres": postgres,
        "postgres_settings": dict(SETTINGS),
        "valkey": facts.get("valkey_version") or facts.get("redis_version"),
    }


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
