"""API keys: `slk_<environment>_<id>_<secret>_<crc>`. Shown once; only their SHA-256 is kept."""

import hashlib
import hmac
import re
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.domain.errors import PermanentError
from app.ledger import audit

OPERATOR = "operator"
SCOPES = (
    "messages:read",
    "messages:payload",
    "messages:retry",
    "exceptions:write",
    "mappings:write",
    "lanes:write",
    "replays:write",
    "reconciliation:run",
    "keys:admin",
    "audit:read",
)
SHAPE = re.compile(r"(slk_[a-z0-9]{1,16}_([0-9a-f]{16})_[0-9a-f]{64})_([0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class Created:
    """`key` is shown to a person now and never again."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a valid key, and what it allows."""

    id: str
    name: str
    scopes: frozenset[str]

    @property
    def actor(self) -> str:
        return f"key:{self.name}"


def check(text: str) -> str:
    """Tells a mistyped or cut key from an unknown one, without asking anybody."""
    return f"{zlib.crc32(text.encode()):08x}"


async def create(
    pool: asyncpg.Pool,
    name: str,
    scopes: Sequence[str],
    *,
    environment: str = "live",
    expires_at: datetime | None = None,
) -> Created:
    """Raises PermanentError `E-SCOPE` for a scope that does not exist."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise PermanentError("E-SCOPE", f"no such scope: {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    key_id = secrets.token_hex(8)
    text = f"slk_{environment}_{key_id}_{secrets.token_hex(32)}"
    key = f"{text}_{check(text)}"
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO api_key (id, name, secret_hash, scopes, expires_at) VALUES ($1, $2, $3, $4, $5)",
            key_id,
            name,
            hashlib.sha256(key.encode()).digest(),
            sorted(set(scopes)),
            expires_at,
        )
        await audit.note(
            conn, OPERATOR, "keys.create", key_id, reason="", name=name, scopes=sorted(set(scopes))
        )
    return Created(key_id, key)


async def revoke(pool: asyncpg.Pool, key_id: str) -> bool:
    """Whether it was valid until now."""
    async with pool.acquire() as conn, conn.transaction():
        revoked = await conn.fetchval(
            "UPDATE api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL RETURNING id", key_id
        )
        if revoked is not None:
            await audit.note(conn, OPERATOR, "keys.revoke", key_id, reason="")
    return revoked is not None


async def authenticate(pool: asyncpg.Pool, key: str, now: datetime) -> Holder | None:
    """None for what is malformed, unknown, revoked or expired. Notes the use, once a minute."""
    shape = SHAPE.fullmatch(key)
    if shape is None or check(shape[1]) != shape[3]:
        return None
    row = await _row(pool, shape[2])
    if row is None or not hmac.compare_digest(row["secret_hash"], hashlib.sha256(key.encode()).digest()):
        return None
    return await _holder(pool, row, now)


async def still_holds(pool: asyncpg.Pool, key_id: str, now: datetime) -> Holder | None:
    """Who was authenticated by this key before, with the scopes that it has now; None once it is revoked or expired."""
    row = await _row(pool, key_id)
    return None if row is None else await _holder(pool, row, now)


async def _row(pool: asyncpg.Pool, key_id: str) -> asyncpg.Record | None:
    row: asyncpg.Record | None = await pool.fetchrow(
        "SELECT id, name, secret_hash, scopes, expires_at, revoked_at, used_at FROM api_key WHERE id = $1",
        key_id,
    )
    return row


async def _holder(pool: asyncpg.Pool, row: asyncpg.Record, now: datetime) -> Holder | None:
    if row["revoked_at"] is not None or (row["expires_at"] is not None and row["expires_at"] <= now):
        return None
    if row["used_at"] is None or (now - row["used_at"]).total_seconds() > 60:
        await pool.execute("UPDATE api_key SET used_at = $2 WHERE id = $1", row["id"], now)
    return Holder(row["id"], row["name"], frozenset(row["scopes"]))
