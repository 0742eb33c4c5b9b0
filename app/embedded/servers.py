"""Both servers for one machine, started only where no URL was given."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.embedded.folder import own
from app.embedded.postgres import Postgres, start_postgres
from app.embedded.supervise import Process, Server, wait_gone
from app.embedded.valkey import Valkey, start_valkey


@dataclass(frozen=True, slots=True)
class Wish:
    """A URL that is given is used as it is. `home`, the rest: see Postgres."""

    home: Path
    database_url: str | None = None
    redis_url: str | None = None
    bindir: Path | None = None
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    polite: signal.Signals = signal.SIGINT


@dataclass(frozen=True, slots=True)
class Servers:
    """`postgres`, `valkey`: None where a URL was given."""

    database_url: str
    redis_url: str
    postgres: Server | None
    valkey: Server | None

    def processes(self) -> tuple[Process, ...]:
        return tuple(server.process for server in (self.postgres, self.valkey) if server)


@asynccontextmanager
async def open_servers(wish: Wish) -> AsyncIterator[Servers]:
    """Nothing of it is left afterwards but the data in `home`; two may not share a `home` (EmbeddedError)."""
    async with own(wish.home) as lock:
        started: list[Process] = []
        try:
            postgres = valkey = None
            if wish.database_url is None:
                settings = wish.postgres_settings
                postgres = await start_postgres(
                    Postgres(wish.home, wish.bindir, 0, settings, wish.polite, lock)
                )
                started.append(postgres.process)
            if wish.redis_url is None:
                valkey = await start_valkey(Valkey(wish.home, hold=lock))
                started.append(valkey.process)
            yield Servers(
                database_url=postgres.url if postgres else str(wish.database_url),
                redis_url=valkey.url if valkey else str(wish.redis_url),
                postgres=postgres,
                valkey=valkey,
            )
        finally:
            await asyncio.to_thread(wait_gone, started)
