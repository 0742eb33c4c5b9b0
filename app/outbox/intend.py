"""Intend: what we are about to send is committed before it is sent, so that a crash leaves a question, not a double."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from app.domain.message import Claimed


@dataclass(frozen=True, slots=True)
class Intent:
    message: Claimed
    operation: str
    probe_key: str
    request_hash: bytes


async def intend(pool: asyncpg.Pool, intents: Sequence[Intent]) -> set[int]:
    """Commits the intents of those messages that are still ours; answers their ids. The others must not be sent."""
    rows = await pool.fetch(
        """
        WITH given AS (
            SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bytea[])
                AS given(id, token, operation, probe_key, request_hash)
        ), held AS (
            SELECT s.id FROM message_state AS s JOIN given ON given.id = s.id
            WHERE s.token = given.token AND s.state = 'leased' AND s.lease_until > clock_timestamp()
            ORDER BY s.id FOR UPDATE OF s
        ), begun AS (
            UPDATE message_state AS s SET send_begun = true FROM held WHERE s.id = held.id RETURNING s.id
        )
        INSERT INTO intent (message_id, token, operation, probe_key, request_hash)
        SELECT given.* FROM given JOIN begun USING (id) RETURNING message_id
        """,
        [intent.message.id for intent in intents],
        [intent.message.token for intent in intents],
        [intent.operation for intent in intents],
        [intent.probe_key for intent in intents],
        [intent.request_hash for intent in intents],
    )
    return {row["message_id"] for row in rows}


async def forget(pool: asyncpg.Pool, message: Claimed) -> None:
    """The call that was intended under this claim was certainly not made, or refused whole."""
    await pool.execute("DELETE FROM intent WHERE message_id = $1 AND token = $2", message.id, message.token)


async def last_sent(pool: asyncpg.Pool, ids: Sequence[int]) -> dict[int, bytes]:
    """Message -> digest of what its newest intent said, for those that have one."""
    rows = await pool.fetch(
        """
        SELECT DISTINCT ON (message_id) message_id, request_hash FROM intent WHERE message_id = ANY($1::bigint[])
        ORDER BY message_id, token DESC
        """,
        list(ids),
    )
    return {row["message_id"]: row["request_hash"] for row in rows}
