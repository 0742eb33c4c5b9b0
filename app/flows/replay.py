"""Replay: done messages are worked again under the same keys. What took effect is found again, not repeated."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.flows.release import lanes_for
from app.ledger import audit
from app.mappings.read import load
from app.outbox import replay as outbox
from app.outbox.enter import enter_all


@dataclass(frozen=True, slots=True)
class Replayed:
    """`messages`: ids that are open again; those still open before, and state messages, are left alone."""

    messages: tuple[int, ...]


async def replay(pool: asyncpg.Pool, message_ids: Sequence[int], *, actor: str, reason: str) -> Replayed:
    mappings = await load(pool)
    async with pool.acquire() as conn, conn.transaction():
        lanes = await lanes_for(conn, message_ids, mappings)
        opened = await outbox.replay(conn, {number: held or () for number, held in lanes.items()})
        if opened:
            what = ", ".join(str(number) for number in opened[:20])
            await audit.note(conn, actor, "messages.replay", what, reason=reason, messages=opened)
    await enter_all(pool)
    return Replayed(tuple(opened))
