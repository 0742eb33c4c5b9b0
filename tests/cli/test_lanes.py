import asyncio
import json

import asyncpg

from app.cli.lanes import app


def test_lane_of_a_moving_head_shows_only_when_asked_for(shell, orders):
    assert json.loads(shell(app, "--json").out) == []
    (lane,) = json.loads(shell(app, "--moving", "--json").out)
    assert (lane["lane"], lane["head"], lane["waiting"]) == ("sku:SKU-1", orders[0], 1)


def test_stuck_lane_tells_why(shell, orders, database_url):
    async def doubt():
        conn = await asyncpg.connect(database_url)
        await conn.execute("UPDATE message_state SET state = 'in_doubt' WHERE id = $1", orders[0])
        await conn.close()

    asyncio.run(doubt())
    (lane,) = json.loads(shell(app, "--json").out)
    assert lane["cause"] == "in_doubt"
    assert "sku:SKU-1" in shell(app).out
