"""`sluice preflight`"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import asyncpg
import typer

from app.cli.show import AsJson, say, show_json
from app.db.session import TROUBLE, open_pool
from app.domain.erp import Erp
from app.flows import preflight as flow
from app.ledger.tokens import Tokens
from app.registry import NotConfiguredError, erp_destination, open_channels, open_erp
from app.settings import Settings, load

app = typer.Typer(add_completion=False)


@app.command()
def preflight(as_json: AsJson = False) -> None:
    """Reach and look at everything that orders will need; exit 1 with every problem."""
    problems = asyncio.run(_find(load()))
    if as_json:
        show_json(problems)
    for problem in () if as_json else problems:
        typer.echo(f"{'warning' if problem.warning else 'problem'}  {problem.where}  {problem.text}")
    wrong = [problem for problem in problems if not problem.warning]
    say(f"{len(wrong)} problems, {len(problems) - len(wrong)} warnings.")
    raise typer.Exit(1 if wrong else 0)


async def _find(settings: Settings) -> list[flow.Problem]:
    url = settings.database_url.get_secret_value()
    checks: dict[str, flow.Check] = {
        "redis": partial(flow.check_redis, settings.redis_url.get_secret_value())
    }
    problems: list[flow.Problem] = []
    async with open_channels(settings.configured(), _now) as channels:
        checks |= {name: partial(flow.check_channel, channel) for name, channel in channels.items()}
        if not channels:
            problems.append(flow.Problem("settings", "no channel is configured"))
        try:
            async with open_pool(url, size=4, application="sluice-cli") as pool:
                checks = {"database": partial(flow.check_database, pool, url), **checks}
                checks |= {
                    f"carriers of {name}": partial(flow.check_carriers, pool, one)
                    for name, one in channels.items()
                }
                return problems + await _with_erp(settings, pool, checks)
        except TROUBLE as error:
            text = f"cannot be reached, so neither it nor the ERP was checked: {type(error).__name__}"
            problems.append(flow.Problem("database", text))
            return problems + await flow.find_problems(checks)


async def _with_erp(
    settings: Settings, pool: asyncpg.Pool, checks: dict[str, flow.Check]
) -> list[flow.Problem]:
    try:
        async with open_books(settings, pool) as erp:
            checks[erp.destination] = partial(flow.check_erp, erp)
            checks["mappings"] = partial(flow.check_mappings, pool, erp)
            return await flow.find_problems(checks)
    except NotConfiguredError as error:
        return [flow.Problem("settings", str(error)), *await flow.find_problems(checks)]


@asynccontextmanager
async def open_books(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Erp]:
    """The ERP, with the tokens that all processes share."""
    tokens = Tokens(pool, erp_destination(), settings.secrets_dir)
    async with open_erp(settings.configured(), tokens, _now) as erp:
        yield erp


def _now() -> datetime:
    return datetime.now(UTC)
