import asyncio
import json
from datetime import UTC, datetime, timedelta

from app.cli.keys import app
from app.db.session import open_pool
from app.flows.keys import authenticate


def holder(url, key, now=None):
    async def ask():
        async with open_pool(url) as pool:
            return await authenticate(pool, key, now or datetime.now(UTC))

    return asyncio.run(ask())


def test_created_key_is_the_only_thing_on_stdout(shell, database_url):
    result = shell(app, "create", "warehouse", "--scope", "messages:read", "--scope", "audit:read")
    found = holder(database_url, result.out.strip())
    assert (found.name, found.scopes) == ("warehouse", {"messages:read", "audit:read"})
    assert result.out.strip() not in result.err


def test_key_with_days_expires(shell, database_url):
    key = json.loads(shell(app, "create", "x", "--scope", "audit:read", "--days", 1, "--json").out)["key"]
    assert holder(database_url, key) is not None
    assert holder(database_url, key, datetime.now(UTC) + timedelta(days=1, minutes=1)) is None


def test_key_without_a_scope_is_wrong_usage(shell, database_url):
    assert shell(app, "create", "x").code == 2


def test_revoked_key_opens_nothing(shell, database_url):
    made = json.loads(shell(app, "create", "x", "--scope", "audit:read", "--json").out)
    assert shell(app, "revoke", made["id"]).code == 0
    assert holder(database_url, made["key"]) is None
    assert shell(app, "revoke", made["id"]).code == 1
