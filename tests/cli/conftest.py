import os
from pathlib import Path
from types import SimpleNamespace

import asyncpg
import pytest
from typer.testing import CliRunner

from app.db.session import open_pool
from app.domain.message import Draft, MessageClass, Owner, Violation
from app.outbox.append import append


class Shell:
    """Runs a command in this process against the test's database. Nothing is on: commands bring their own loop."""

    def __init__(self, url: str) -> None:
        self.env = {"SLUICE_DATABASE_URL": url, "SLUICE_REDIS_URL": "redis://127.0.0.1:1", "NO_COLOR": "1"}

    def __call__(self, app, *args, **env):
        result = CliRunner().invoke(app, [str(arg) for arg in args], env={**self.env, **env})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(code=result.exit_code, out=result.stdout, err=result.stderr)


@pytest.fixture
def shell(database_url) -> Shell:
    return Shell(database_url)


def place(number: int, *, park: Violation | None = None) -> Draft:
    return Draft(
        kind="sage200.sales_order.place",
        cls=MessageClass.EFFECT,
        destination="sage200:main",
        source="uk",
        key=f"sage200/sales_order/uk/{number}",
        order_ref=str(number),
        skus=("SKU-1",),
        body={"ref": str(number), "name": "Ada Lovelace"},
        park=park,
    )


UNMAPPED = Violation("E-VAT-UNMAPPED", "tax", "17", "map it", Owner.FINANCE, "tax_codes")


@pytest.fixture
async def orders(database_url) -> list[int]:
    """Order 1 stands before order 2 in one lane; order 3 is parked."""
    async with open_pool(database_url) as pool, pool.acquire() as conn, conn.transaction():
        placed = await append(conn, [place(1), place(2), place(3, park=UNMAPPED)])
    return [one.message_id for one in placed]


@pytest.fixture
async def audit(database_url):
    """Reads the audit trail, on a connection of its own."""

    async def read():
        conn = await asyncpg.connect(database_url)
        rows = await conn.fetch("SELECT actor, action, reason FROM audit ORDER BY id")
        await conn.close()
        return [tuple(row) for row in rows]

    return read


@pytest.fixture
def env(database_url, redis_url, tmp_path: Path):
    ours = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    return {
        **ours,
        "SLUICE_DATABASE_URL": database_url,
        "SLUICE_REDIS_URL": redis_url,
        "SLUICE_HTTP_PORT": "0",
        "SLUICE_METRICS_PORT": "0",
        "SLUICE_RUN_DIR": str(tmp_path / "run"),
        "SLUICE_SNAPSHOT_SECONDS": "0.2",
    }
