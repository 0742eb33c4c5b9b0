"""API keys: shown once, checked before asked, revoked at once."""

from datetime import timedelta

import pytest

from app.domain.errors import PermanentError
from app.flows.keys import authenticate, check, create, revoke
from tests.api.conftest import NOW


async def test_a_key_lets_its_holder_in_with_its_scopes(pool):
    made = await create(pool, "warehouse screen", ["messages:read"])
    held = await authenticate(pool, made.key, NOW)
    assert (held.id, held.actor, held.scopes) == (
        made.id,
        "key:warehouse screen",
        frozenset({"messages:read"}),
    )


async def test_a_key_is_not_kept(pool):
    made = await create(pool, "screen", ["messages:read"])
    kept = str(await pool.fetchrow("SELECT * FROM api_key")) + str(await pool.fetchrow("SELECT * FROM audit"))
    assert made.key.split("_")[3] not in kept


async def test_a_key_says_where_it_is_good_and_which_it_is(pool):
    made = await create(pool, "screen", ["messages:read"], environment="test")
    assert made.key.startswith(f"slk_test_{made.id}_")


async def test_a_mistyped_key_is_refused_without_asking_the_database(pool):
    made = await create(pool, "screen", ["messages:read"])
    wrong = made.key[:-1] + ("0" if made.key[-1] != "0" else "1")
    assert await authenticate(None, wrong, NOW) is None


async def test_another_secret_under_a_known_id_is_refused(pool):
    made = await create(pool, "screen", ["messages:read"])
    text = f"slk_live_{made.id}_{'0' * 64}"
    assert await authenticate(pool, f"{text}_{check(text)}", NOW) is None


async def test_a_revoked_key_is_refused(pool):
    made = await create(pool, "screen", ["messages:read"])
    assert await revoke(pool, made.id)
    assert await authenticate(pool, made.key, NOW) is None


async def test_revoking_twice_is_told(pool):
    made = await create(pool, "screen", ["messages:read"])
    assert [await revoke(pool, made.id), await revoke(pool, made.id)] == [True, False]


async def test_a_key_ends_when_it_expires(pool):
    made = await create(pool, "screen", ["messages:read"], expires_at=NOW)
    assert await authenticate(pool, made.key, NOW - timedelta(seconds=1)) is not None
    assert await authenticate(pool, made.key, NOW) is None


async def test_a_scope_that_does_not_exist_is_refused(pool):
    with pytest.raises(PermanentError, match="no such scope: messages:write"):
        await create(pool, "screen", ["messages:write"])


async def test_the_use_of_a_key_is_noted_once_a_minute(pool):
    made = await create(pool, "screen", ["messages:read"])
    for seconds in (0, 30):
        await authenticate(pool, made.key, NOW + timedelta(seconds=seconds))
    assert await pool.fetchval("SELECT used_at FROM api_key") == NOW


async def test_making_and_revoking_a_key_is_in_the_audit_trail(pool):
    made = await create(pool, "screen", ["messages:read"])
    await revoke(pool, made.id)
    rows = await pool.fetch("SELECT action, object FROM audit ORDER BY id")
    assert [tuple(row) for row in rows] == [("keys.create", made.id), ("keys.revoke", made.id)]
