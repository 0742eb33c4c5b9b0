from app.db.session import open_pool
from app.domain.refusals import Cause, PhraseRow
from app.mappings.shelf import Shelf
from app.mappings.write import put

LOCKED = PhraseRow(phrase="wird von * bearbeitet", cause=Cause.LOCKED)
CLOSED = PhraseRow(phrase="Periode geschlossen", cause=Cause.PERIOD)


async def write(pool, *rows) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await put(conn, "phrases", rows, actor="tests", reason="a test")


async def test_phrases_are_those_of_now(pool):
    shelf = Shelf(pool)
    assert await shelf.phrases() == ()
    await write(pool, LOCKED)
    assert await shelf.phrases() == (LOCKED,)
    await write(pool, CLOSED)
    assert await shelf.phrases() == (LOCKED, CLOSED)


async def test_phrases_are_known_while_postgres_is_away_or_a_row_is_broken(database_url):
    async with open_pool(database_url, size=2, by_key=True) as pool:
        shelf = Shelf(pool)
        await write(pool, LOCKED)
        assert await shelf.phrases() == (LOCKED,)
        await pool.execute("UPDATE mapping_row SET row = '{}'")
        assert await shelf.phrases() == (LOCKED,)
    assert await shelf.phrases() == (LOCKED,)
