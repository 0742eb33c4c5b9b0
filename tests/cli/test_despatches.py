import asyncio
import csv
import io
import json

import asyncpg

from app.cli.despatches import app


def ship(url):
    async def insert():
        conn = await asyncpg.connect(url)
        await conn.execute(
            """INSERT INTO shipped (connection, ref, shipment, goods) VALUES ('uk', '1', 'S1', '{"TEE": "2"}')"""
        )
        await conn.close()

    asyncio.run(insert())


def test_the_backlog_is_shown_and_counted(shell, database_url):
    ship(database_url)
    said = shell(app)
    assert "S1" in said.out
    assert "to_erp: 1, the oldest since" in said.err
    assert "to_channel: 0" in said.err


def test_scripts_and_spreadsheets_get_theirs(shell, database_url):
    ship(database_url)
    (row,) = json.loads(shell(app, "--json").out)
    (cells,) = csv.DictReader(io.StringIO(shell(app, "--csv").out))
    assert (row["name"], row["goods"], cells["goods"]) == ("S1", {"TEE": "2"}, "2 x TEE")
