"""A Postgres of our own: initialised once, on loopback only, under the watchdog."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

from app.embedded.errors import EmbeddedError
from app.embedded.folder import free_port
from app.embedded.reach import place_data, place_programs, server_account
from app.embedded.sources import find_postgres
from app.embedded.supervise import Account, Child, Process, Server, start_patiently, until_ready

USER = DATABASE = "sluice"
_ALWAYS = MappingProxyType(
    {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
)


@dataclass(frozen=True, slots=True)
class Postgres:
    """`home`: its data is below it, in a folder that carries the major version, since another cannot read it.
    `bindir`: PG_BINDIR. `port` 0 is a free one. `settings`: as given to `-c`. `polite`: SIGINT ends it in order,
    SIGQUIT at once (the next start recovers). `hold`: see Child.
    """

    home: Path
    bindir: Path | None = None
    port: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    polite: signal.Signals = signal.SIGINT
    hold: int | None = None


async def start_postgres(wish: Postgres) -> Server:
    """Answers when a real connection does, and the application's database exists. The folder must be owned (`own`)."""
    account = server_account(os.geteuid())
    bindir = place_programs(find_postgres(wish.bindir), account)
    data = place_data(wish.home / f"postgres-{_major(bindir)}", account) / "data"
    if not data.exists():
        await _initialise(wish, bindir, data, account)
    # The lock tells that no server of an earlier run is left, whatever this file says.
    (data / "postmaster.pid").unlink(missing_ok=True)

    async def start() -> Server:
        return await _start(wish, bindir, data, account)

    return await start_patiently(start)


async def _start(wish: Postgres, bindir: Path, data: Path, account: Account | None) -> Server:
    port = wish.port or free_port()
    settings = {**_ALWAYS, **wish.settings}
    flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    process = Process(
        replace(
            _child(wish, account),
            argv=[bindir / "postgres", "-D", data, "-p", str(port), *flags],
        )
    )
    server = Server(process, f"postgresql://{USER}@127.0.0.1:{port}/{DATABASE}", port)

    async def answers() -> bool:
        return await _prepare(port, data)

    try:
        await until_ready(process, answers, seconds=60)
    except BaseException:
        process.stop()
        raise
    return server


async def _prepare(port: int, data: Path) -> bool:
    """False while it starts, and for somebody else's server that took the port."""
    try:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user=USER, database="postgres", timeout=2
        )
    except (OSError, TimeoutError, PostgresError, InterfaceError):
        return False
    try:
        if await connection.fetchval("SHOW data_directory") != str(data):
            return False
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute("CREATE DATABASE sluice")
    finally:
        await connection.close()
    return True


async def _initialise(wish: Postgres, bindir: Path, data: Path, account: Account | None) -> None:
    """Beside its place, then renamed: a kill in the middle leaves nothing that looks finished."""
    fresh = data.with_name("data.new")
    if fresh.exists():
        shutil.rmtree(fresh)
    flags = ("-A", "trust", "-U", USER, "--encoding=UTF8", "--locale=C", "--no-sync")
    process = Process(
        replace(_child(wish, account), name="initdb", argv=[bindir / "initdb", "-D", fresh, *flags])
    )
    try:
        if await process.ended() != 0:
            raise EmbeddedError(f"initdb failed:\n{process.tail()}")
    finally:
        process.stop()
    fresh.rename(data)


def _child(wish: Postgres, account: Account | None) -> Child:
    return Child(
        name="postgres",
        argv=(),
        log=wish.home / "postgres.log",
        env={"LC_ALL": "C"},
        account=account,
        polite=wish.polite,
        hold=wish.hold,
    )


def _major(bindir: Path) -> str:
    shown = subprocess.run(  # noqa: S603 - a program we found ourselves
        [bindir / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    return shown.stdout.split()[2].split(".")[0]
