import asyncio
import json

import asyncpg

from app.cli.messages import app


def test_list_shows_the_newest_first(shell, orders):
    rows = json.loads(shell(app, "list", "--json").out)
    assert [row["id"] for row in rows] == sorted(orders, reverse=True)


def test_list_is_narrowed(shell, orders):
    rows = json.loads(shell(app, "list", "--state", "parked", "--source", "uk", "--json").out)
    assert [(row["order_ref"], row["codes"]) for row in rows] == [("3", ["E-VAT-UNMAPPED"])]
    assert json.loads(shell(app, "list", "--order", 2, "--json").out)[0]["order_ref"] == "2"


def test_list_goes_on_below_an_id(shell, orders):
    rows = json.loads(shell(app, "list", "--before", orders[1], "--json").out)
    assert [row["id"] for row in rows] == [orders[0]]


def test_unknown_state_is_wrong_usage(shell, orders):
    result = shell(app, "list", "--state", "sleepy")
    assert result.code == 2
    assert "parked" in result.err


def test_list_for_people_is_a_table(shell, orders):
    out = shell(app, "list").out.splitlines()
    assert out[0].split()[:3] == ["id", "kind", "state"]
    assert len(out) == 4


def test_show_hides_the_body_unless_it_is_asked_for(shell, orders):
    assert "Lovelace" not in shell(app, "show", orders[0], "--json").out
    assert (
        json.loads(shell(app, "show", orders[0], "--json", "--payload").out)["body"]["name"] == "Ada Lovelace"
    )
    assert "Lovelace" not in shell(app, "show", orders[0]).out


def test_show_names_the_lanes(shell, orders):
    assert "order:uk/1, sku:SKU-1" in shell(app, "show", orders[0]).out


def test_show_of_nothing_is_a_problem(shell, database_url):
    result = shell(app, "show", 1)
    assert (result.code, result.out) == (1, "")


def test_retry_plans_first(shell, orders, audit):
    result = shell(app, "retry", orders[2], "--reason", "mapped")
    assert "E-VAT-UNMAPPED" in result.out
    assert "1 exceptions released. Nothing was changed" in result.err
    assert asyncio.run(audit()) == []
    assert json.loads(shell(app, "list", "--state", "parked", "--json").out)


def test_retry_releases_with_a_reason(shell, orders, audit):
    result = shell(app, "retry", "--code", "E-VAT-UNMAPPED", "--reason", "mapped", "--apply", "--json")
    assert json.loads(result.out) == {"messages": 1, "cases": 1}
    assert json.loads(shell(app, "list", "--state", "parked", "--json").out) == []
    ((actor, _, reason),) = asyncio.run(audit())
    assert actor.startswith("cli:")
    assert reason == "mapped"


def test_retry_of_everything_needs_a_choice(shell, orders):
    assert shell(app, "retry", "--reason", "x").code == 2


def test_retry_without_a_reason_is_wrong_usage(shell, orders):
    assert shell(app, "retry", orders[2]).code == 2


def test_replay_plans_what_is_done_only(shell, orders):
    result = shell(app, "replay", *orders, "--reason", "look again", "--json")
    assert json.loads(result.out) == []
    assert "0 of 3 messages replayed" in result.err


def test_replay_opens_a_done_message_again(shell, orders, database_url):
    asyncio.run(_settle(database_url, orders[0]))
    shell(app, "replay", orders[0], "--reason", "look again", "--apply")
    (row,) = json.loads(shell(app, "list", "--order", 1, "--json").out)
    assert row["state"] != "done"


async def _settle(url, number):
    conn = await asyncpg.connect(url)
    await conn.execute("DELETE FROM ticket WHERE message_id = $1", number)
    await conn.execute("DELETE FROM message_state WHERE id = $1", number)
    await conn.execute(
        "INSERT INTO receipt (message_id, kind, source, result, keyed) VALUES ($1, 'k', 'uk', 'applied', true)",
        number,
    )
    await conn.close()
