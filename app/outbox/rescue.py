"""Rescue: what a vanished worker held comes back."""

from datetime import datetime, timedelta

import asyncpg


async def rescue(pool: asyncpg.Pool, now: datetime, *, settle_delay: timedelta) -> int:
    """Leases that ran out: in doubt if a send was begun, else ready again with their place and due time."""
    rows = await pool.fetch(
        """
        WITH lost AS (
            SELECT id FROM message_state WHERE state = 'leased' AND lease_until < $1 ORDER BY id FOR UPDATE SKIP LOCKED
        ), noted AS (
            INSERT INTO attempt (message_id, token, worker, verdict, error)
            SELECT s.id, s.token, s.worker, 'lease_lost', 'the worker did not come back'
            FROM message_state AS s JOIN lost ON lost.id = s.id
        )
        UPDATE message_state AS s SET token = NULL, worker = NULL, lease_until = NULL,
            state = CASE WHEN s.send_begun THEN 'in_doubt' ELSE 'ready' END,
            failed_since = CASE WHEN s.send_begun THEN coalesce(s.failed_since, $1) ELSE s.failed_since END,
            doubt_since = CASE WHEN s.send_begun THEN coalesce(s.doubt_since, $1) END,
            waited = CASE WHEN s.send_begun THEN s.waited + extract(epoch FROM $2::interval) ELSE 0 END,
            due_at = CASE WHEN s.send_begun THEN $1::timestamptz + $2::interval ELSE s.due_at END
        FROM lost WHERE s.id = lost.id RETURNING s.id
        """,
        now,
        settle_delay,
    )
    return len(rows)
