"""Who did what and why, in the transaction that did it. The table refuses UPDATE, DELETE and TRUNCATE."""

from typing import Any

import asyncpg


async def note(
    conn: asyncpg.Connection, actor: str, action: str, what: str, *, reason: str, **detail: Any
) -> None:
    await conn.execute(
        "INSERT INTO audit (actor, action, object, detail, reason) VALUES ($1, $2, $3, $4, $5)",
        actor,
        action,
        what,
        detail,
        reason,
    )
