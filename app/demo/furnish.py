"""Furnishes the stage: a seeded sandbox, and Sluice's database with all mappings but those that the day begins without."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from app.db.migrate import ROOT, upgrade
from app.db.session import open_pool
from app.demo import retail
from app.demo.errors import DemoError
from app.demo.script import OLD_SKU
from app.demo.stage import CONNECTIONS, TOKEN
from app.demo.vendors import Vendors
from app.domain.row import Row
from app.flows import keys
from app.flows.remap import replace_table
from app.mappings import files

Doc = dict[str, Any]
SKUS, STOCK = 520, 5_000
SERVER_SECONDS = 4.0
"""How late the sandbox's Sage may still commit a call that it dropped."""
MAPPINGS = ROOT / "examples" / "mappings" / "sandbox.toml"


async def seed(vendors: Vendors, api: str) -> Doc:
    plugins = [
        {
            "url": f"{api}/webhooks/centra/{one.name}",
            "secret": one.secret,
            "store": one.store,
            "space": one.space,
            "batch": 10,
        }
        for one in CONNECTIONS
    ]
    await vendors.switch(
        {
            "server_timeout_seconds": SERVER_SECONDS,
            "centra.plan": "enterprise",
            "virtualstock.requests_per_minute": 10_000,
        }
    )
    return await vendors.seed(
        {
            "catalogue": {"skus": SKUS, "seed": 1, "stock": STOCK},
            "centra": {
                "tokens": [{"integration": "sluice", "token": TOKEN}],
                "plugins": plugins,
                "articles": [_old_season()],
            },
            "virtualstock": {"accounts": [dict(retail.ACCOUNT)], "articles": [_old_season()]},
        }
    )


def _old_season() -> Doc:
    """Sold by the shop under a code that Sage never had."""
    return {
        "sku": OLD_SKU,
        "style": "OLD",
        "name": "Last season's dress",
        "colour": "BLK",
        "size": "01",
        "ean": "",
        "vat": "standard",
        "price": {"GBP": "39.00", "EUR": "45.00"},
        "stock": STOCK,
    }


def withhold(tables: Mapping[str, Sequence[Row]]) -> dict[str, list[Row]]:
    """The mappings as the day begins: without what the script maps on the way."""
    kept = {table: [row for row in rows if not _is_withheld(table, row)] for table, rows in tables.items()}
    for table in ("warehouses", "required_fields"):
        kept[table] = [
            row.model_copy(update={"connection": connection})
            for row in kept[table]
            for connection in ("uk", retail.CONNECTION)
        ]
    return kept


def _is_withheld(table: str, row: Row) -> bool:
    told = row.model_dump()
    return (
        (table == "customers" and told["currency"] == "EUR")
        or (table in {"charges", "posting_rules"} and told["kind"] == "handling")
        or (table == "tax_codes" and told["ship_to"] == "SE")
    )


async def import_mappings(pool: asyncpg.Pool) -> None:
    if not MAPPINGS.is_file():
        raise DemoError(f"{MAPPINGS} is missing: run the demo from a checkout of the project.")
    tables = files.parse_toml(MAPPINGS.read_text(encoding="utf-8"))
    for table, rows in withhold(tables).items():
        await replace_table(pool, table, rows, actor="demo", reason="the day begins")


@asynccontextmanager
async def open_books(url: str) -> AsyncIterator[tuple[asyncpg.Pool, str]]:
    """A migrated database with mappings, and a key for the API."""
    await upgrade(url)
    async with open_pool(url, size=4, application="sluice-demo") as pool:
        await import_mappings(pool)
        made = await keys.create(pool, "demo", keys.SCOPES, environment="demo")
        yield pool, made.key
