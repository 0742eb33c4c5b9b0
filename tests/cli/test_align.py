import asyncio
import json

from app.cli.align import app
from app.db.session import open_pool
from app.domain.align import Misfit
from app.domain.channel import Article
from app.ledger.alignment import Aligned, ArticlesSeen
from tests.ledger.test_ledger import FIRST, remember

SAGE = {
    "SLUICE_SAGE200__BASE_URL": "https://sage.test/accounts/v1",
    "SLUICE_SAGE200__TOKEN_URL": "https://sage.test/token",
    "SLUICE_SAGE200__CLIENT_ID": "id",
    "SLUICE_SAGE200__CLIENT_SECRET": "secret",
    "SLUICE_SAGE200__REFRESH_TOKEN": "refresh",
    "SLUICE_SAGE200__SITE": "site",
    "SLUICE_SAGE200__COMPANY": "1",
}


def compared(url):
    async def write():
        ghost = Article("GHOST")
        async with open_pool(url) as pool:
            await remember(
                pool,
                ArticlesSeen("centra:uk", FIRST, (ghost,), first=True, ended=True),
                Aligned({("centra:uk", ghost): Misfit.UNKNOWN}),
            )

    asyncio.run(write())


def test_the_report_says_so_before_anything_was_compared(shell):
    assert "Not compared yet." in shell(app).err


def test_the_report_lists_what_would_fail(shell, database_url):
    compared(database_url)
    said = shell(app, "--json")
    assert "SKUs that will fail if ordered: 1" in said.err
    assert json.loads(said.out) == [
        {"misfit": "unknown", "destination": "centra:uk", "code": "GHOST", "barcode": ""}
    ]
    assert json.loads(shell(app, "--json", "--unoffered").out) == []


def test_a_new_comparison_is_asked_for(shell, database_url):
    assert "Asked for" in shell(app, "--anew", **SAGE).err

    async def asked():
        async with open_pool(database_url) as pool:
            return await pool.fetchval("SELECT array_agg(coalesce_key) FROM message_state")

    assert asyncio.run(asked()) == ["articles:sage200:main"]
