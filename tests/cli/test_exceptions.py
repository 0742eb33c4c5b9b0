import asyncio
import json

import asyncpg
import pytest

from app.cli.exceptions import app
from app.flows.accept import UnfitError


def groups(shell):
    return json.loads(shell(app, "groups", "--json").out)


def test_groups_tell_the_cause(shell, orders):
    (one,) = groups(shell)
    assert (one["code"], one["field"], one["value"], one["owner"]) == (
        "E-VAT-UNMAPPED",
        "tax",
        "17",
        "finance",
    )
    assert (one["cases"], one["holding"]) == (1, 1)


def test_groups_are_narrowed_by_owner(shell, orders):
    assert json.loads(shell(app, "groups", "--owner", "cx", "--json").out) == []
    assert shell(app, "groups", "--owner", "nobody").code == 2


def test_list_is_narrowed(shell, orders):
    key = groups(shell)[0]["key"]
    for flags, count in (
        (("--group", key), 1),
        (("--group", "0" * 16), 0),
        (("--order", "3"), 1),
        (("--source", "fr"), 0),
        (("--settled",), 0),
    ):
        assert len(json.loads(shell(app, "list", *flags, "--json").out)) == count
    assert "E-VAT-UNMAPPED" in shell(app, "list").out


def test_show_tells_the_remedy_and_names_nobody(shell, orders):
    result = shell(app, "show", 1)
    assert (result.code, "Add the missing row" in result.out, "Lovelace" in result.out) == (0, True, False)
    told = json.loads(shell(app, "show", 1, "--json").out)
    assert (told["remedy"]["table"], told["row"]["ship_to"]) == ("tax_codes", "")


def test_show_of_nothing_is_a_problem(shell, database_url):
    result = shell(app, "show", 1)
    assert (result.code, result.out) == (1, "")


def test_retry_plans_first(shell, orders, audit):
    result = shell(app, "retry", 1, "--reason", "mapped", "--json")
    assert [row["message_id"] for row in json.loads(result.out)] == [orders[2]]
    assert "1 exceptions released. Nothing was changed" in result.err
    assert (asyncio.run(audit()), len(groups(shell))) == ([], 1)


def test_retry_of_a_cause_releases_it_with_a_reason(shell, orders, audit):
    key = groups(shell)[0]["key"]
    result = shell(app, "retry", "--group", key, "--reason", "mapped", "--apply", "--json")
    assert json.loads(result.out) == {"messages": 1, "cases": 1}
    ((who, action, reason),) = asyncio.run(audit())
    assert (who[:4], action, reason, groups(shell)) == ("cli:", "exceptions.retry", "mapped", [])


def test_retry_needs_one_choice_and_a_reason(shell, orders):
    assert shell(app, "retry", "--reason", "x").code == 2
    assert shell(app, "retry", 1, "--group", "k", "--reason", "x").code == 2
    assert shell(app, "retry", 1).code == 2


def test_a_flag_is_accepted(shell, database_url, audit):
    async def flag():
        conn = await asyncpg.connect(database_url)
        await conn.execute(
            "INSERT INTO exception_case (source, flag, code, owner, violations)"
            " VALUES ('uk', true, 'E-TOTAL-MISMATCH', 'finance', '[]')"
        )
        await conn.close()

    asyncio.run(flag())
    assert groups(shell)[0]["flag"]
    assert "1 exceptions settled" in shell(app, "accept", 1, "--reason", "a penny").err
    done = shell(app, "accept", 1, "--reason", "a penny", "--apply", "--json")
    assert json.loads(done.out) == {"messages": 0, "cases": 1}
    assert [row[1:] for row in asyncio.run(audit())] == [("exceptions.accept", "a penny")]


def test_an_order_is_not_dropped(shell, orders):
    with pytest.raises(UnfitError, match="cancel it in the channel"):
        shell(app, "accept", 1, "--reason", "no", "--apply")
    assert len(groups(shell)) == 1
