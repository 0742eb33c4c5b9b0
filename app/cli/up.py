"""`sluice up`"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

import httpx
import typer

from app.cli.show import say
from app.cli.start import RUN_FILE
from app.db.migrate import upgrade
from app.embedded.folder import publish, published
from app.embedded.servers import Wish, open_servers
from app.embedded.supervise import Child, Process, until_ready, wait_gone
from app.settings import Settings, load

app = typer.Typer(add_completion=False)
ROLES = ("api", "worker", "exporter")
READY_SECONDS = 60.0
GRACE_SECONDS = 30
REST_MOST_SECONDS = 30.0
STEADY_SECONDS = 60.0


@dataclass(slots=True)
class Crew:
    """The roles that run. `env`: what each is given; `folder`: where run.json and their logs are."""

    env: Mapping[str, str]
    settings: Settings
    folder: Path
    running: dict[str, Process] = field(default_factory=dict)

    def spawn(self, role: str) -> Process:
        env = dict(self.env)
        if self.settings.metrics_port:
            env["SLUICE_METRICS_PORT"] = str(self.settings.metrics_port + ROLES.index(role))
        argv = [sys.executable, "-m", "app.cli.main", role]
        log = self.folder / "logs" / f"{role}.log"
        self.running[role] = Process(Child(role, argv, log, env, cwd=Path.cwd(), grace=GRACE_SECONDS))
        return self.running[role]

    async def ready(self, role: str) -> bool:
        """Whether its own probe says so, at the port that it published."""
        told = published(self.folder / RUN_FILE).get(role)
        if not told:
            return False
        try:
            async with httpx.AsyncClient(timeout=2) as client:
                return (await client.get(f"{told['metrics']}/readyz")).is_success
        except httpx.TransportError:
            return False


@app.command()
def up(
    embedded: Annotated[
        bool, typer.Option("--embedded", help="start Postgres and Valkey too, where no URL is given")
    ] = False,
) -> None:
    """All roles on this machine, restarted when they end, until told to stop."""
    asyncio.run(_until_told(embedded=embedded))


async def _until_told(*, embedded: bool) -> None:
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with _urls(embedded=embedded) as urls:
        env = {**os.environ, **urls}
        settings = load(env)
        await upgrade(settings.database_url.get_secret_value())
        crew = Crew(env, settings, settings.run_dir)
        publish(crew.folder / RUN_FILE, dict.fromkeys(ROLES))
        try:
            await _start(crew)
            await _watch(crew, told)
        finally:
            await asyncio.to_thread(wait_gone, list(crew.running.values()))


@asynccontextmanager
async def _urls(*, embedded: bool) -> AsyncIterator[dict[str, str]]:
    """The embedded servers' URLs, for those that are not configured."""
    if not embedded:
        yield {}
        return
    given = os.environ.get
    home = Path(given("SLUICE_RUN_DIR", ".sluice")) / "up"
    wish = Wish(home.resolve(), given("SLUICE_DATABASE_URL"), given("SLUICE_REDIS_URL"))
    async with open_servers(wish) as servers:
        yield {"SLUICE_DATABASE_URL": servers.database_url, "SLUICE_REDIS_URL": servers.redis_url}


async def _start(crew: Crew) -> None:
    for role in ROLES:
        crew.spawn(role)
    for role in ROLES:
        await until_ready(crew.running[role], partial(crew.ready, role), READY_SECONDS)
        told = published(crew.folder / RUN_FILE)[role]
        say(f"{role} is ready: {told.get('url') or told['metrics'] + '/metrics'}")


async def _watch(crew: Crew, told: asyncio.Event) -> None:
    """Each role is restarted when it ends, however it ended, for as long as nobody says stop."""
    async with asyncio.TaskGroup() as group:
        keepers = [group.create_task(_keep(crew, role)) for role in ROLES]
        await told.wait()
        for keeper in keepers:
            keeper.cancel()


async def _keep(crew: Crew, role: str) -> None:
    rest = 1.0
    clock = asyncio.get_running_loop().time
    while True:
        since = clock()
        code = await crew.running[role].ended()
        rest = 1.0 if clock() - since > STEADY_SECONDS else min(2 * rest, REST_MOST_SECONDS)
        say(f"{role} ended with code {code}; it starts again in {rest:.0f} s")
        await asyncio.sleep(rest)
        crew.spawn(role)
