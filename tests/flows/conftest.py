import asyncpg
import pytest

from app.domain.rows import TABLES
from app.mappings.write import put
from tests.domain.shop import ROWS
from tests.flows.stage import BOOKS, SHOP, Stage, make_stage


@pytest.fixture
async def stage(pool: asyncpg.Pool) -> Stage:
    """The mappings of `tests.domain.shop` are stored, and both sides take as much at once as they are given."""
    async with pool.acquire() as conn, conn.transaction():
        for table, rows in ROWS.items():
            valid = [TABLES[table].model_validate(row) for row in rows]
            await put(conn, table, valid, actor="tests", reason="tests")
    await pool.execute("INSERT INTO destination (name, slots) VALUES ($1, 50), ($2, 50)", SHOP, BOOKS)
    return make_stage(pool)
