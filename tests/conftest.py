"""One Postgres and one Valkey for a run, shared by the workers of pytest-xdist; a database for each test."""

import asyncio
import fcntl
import os
import secrets
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
import structlog
from pytest_socket import socket_allow_hosts

from app.db.session import open_pool
from app.embedded.reach import discard
from app.embedded.servers import Servers, Wish, open_servers

pytest_plugins = ("pytester", "tests.requirements")

ROOT = Path(__file__).parents[1]
TEMPLATE = "migrated"
MEMORY, ROOM_BYTES = Path("/dev/shm"), 4 << 30  # noqa: S108 - the servers own their folders in it
# The data is thrown away, so a power cut may take it; commits stay synchronous.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "300"}


# What a failure shows; a traceback drawn with all its variables would take a third of a second.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=True),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    cache_logger_on_first_use=False,
)


class Background:
    """The servers of this run: tests come and go on event loops of their own, so they live on a thread."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stop = threading.Event()
        self._started: Future[Servers] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    def start(self) -> Servers:
        self._thread.start()
        return self._started.result(timeout=90)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        discard(self.home)

    async def _serve(self) -> None:
        bindir = os.environ.get("PG_BINDIR")
        wish = Wish(
            self.home,
            bindir=Path(bindir) if bindir else None,
            postgres_settings=SETTINGS,
            polite=signal.SIGQUIT,
        )
        try:
            async with open_servers(wish) as servers:
                self._started.set_result(servers)
                await asyncio.to_thread(self._stop.wait)
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)


def start_background(config: pytest.Config) -> tuple[str, str]:
    """Once for each run; both URLs."""
    if "servers" not in config.stash.get(STASH, {}):
        folder = _scratch()
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        home = Path(tempfile.mkdtemp(dir=folder))
        home.chmod(0o711)
        background = Background(home)
        servers = background.start()
        config.add_cleanup(background.stop)
        config.stash[STASH] = {"servers": (servers.database_url, servers.redis_url)}
    return config.stash[STASH]["servers"]


def _scratch() -> Path:
    """In memory where there is room: file systems take their time over the thousands of files that databases come and
    go with.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
        return MEMORY / f"sluice-tests-{os.getuid()}"
    return ROOT / ".sluice" / "tests"


def sweep(folder: Path) -> None:
    """Removes what killed runs left: their servers are gone once the lock is free."""
    for lock in folder.glob("*/lock"):
        with lock.open() as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            discard(lock.parent)


STASH: pytest.StashKey[dict] = pytest.StashKey()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: object) -> None:
    """The process that hands out the tests owns the servers, since it outlives every worker."""
    node.workerinput["servers"] = start_background(node.config)


def pytest_runtest_setup() -> None:
    socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> tuple[str, str]:
    given = getattr(request.config, "workerinput", {}).get("servers")
    return tuple(given) if given else start_background(request.config)


@pytest.fixture(scope="session")
def template(servers: tuple[str, str]) -> str:
    """A database at the newest revision, made by whichever worker comes first."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _make_template(servers[0])).result()
    return TEMPLATE


async def _make_template(server_url: str) -> None:
    admin = await asyncpg.connect(server_url)
    try:
        await admin.execute("SELECT pg_advisory_lock(1)")
        if await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", TEMPLATE):
            return
        await admin.execute("CREATE DATABASE migrating")
        alembic = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=ROOT,
            env={**os.environ, "SLUICE_DATABASE_URL": beside(server_url, "migrating")},
        )
        if await alembic.wait() != 0:
            await admin.execute("DROP DATABASE migrating WITH (FORCE)")
            pytest.fail("alembic upgrade head failed: see above", pytrace=False)
        await admin.execute(f"ALTER DATABASE migrating RENAME TO {TEMPLATE}")
    finally:
        await admin.close()


def beside(url: str, database: str) -> str:
    """The URL of another database of the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


@pytest.fixture
async def empty_database_url(servers: tuple[str, str]) -> AsyncIterator[str]:
    """Without any table."""
    async for url in _database(servers[0], "template0"):
        yield url


@pytest.fixture
async def database_url(servers: tuple[str, str], template: str) -> AsyncIterator[str]:
    """At the newest revision."""
    async for url in _database(servers[0], template):
        yield url


async def _database(server_url: str, template: str) -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server_url)
    # Copied as files, not through the log: four times as fast where nothing is ever synchronised.
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    yield beside(server_url, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, size=10, by_key=True) as opened:
        yield opened


@pytest.fixture
async def redis_url(servers: tuple[str, str]) -> str:
    """Empty, and this worker's own."""
    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = f"{servers[1].rpartition('/')[0]}/{number}"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2].partition("/")[0]))
    writer.write(f"SELECT {number}\r\nFLUSHDB\r\n".encode())
    assert await reader.readexactly(10) == b"+OK\r\n+OK\r\n"
    writer.close()
    await writer.wait_closed()
    return url
