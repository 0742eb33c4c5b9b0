"""Straighten: after the clock went back, nothing waits for a time that only the old clock would have reached soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg


@dataclass(frozen=True, slots=True)
class Longest:
    """How far ahead anything is ever set: a lease; the rest of a message that holds `sku:` lanes, of any message, of a
    destination.
    """

    lease: timedelta
    held: timedelta
    rest: timedelta
    told: timedelta


async def straighten(pool: asyncpg.Pool, now: datetime, longest: Longest) -> int:
    """Brings forward what lies further ahead than it could have been set now; answers how many messages that were.

    A question whose beginning lies ahead begins now: asking for longer than the quarantine doubles nothing.
    """
    rows = await pool.fetch(
        """
        WITH astray AS (
            SELECT s.id, CASE WHEN s.state = 'ready' AND s.ticket IS NOT NULL AND s.coalesce_key IS NULL
                              THEN $4::timestamptz ELSE $2::timestamptz END AS latest
            FROM message_state AS s
            WHERE s.due_at > $4 AND s.due_at < 'infinity' OR s.lease_until > $3 OR s.failed_since > $1 OR s.doubt_since > $1
            ORDER BY s.id FOR UPDATE
        )
        UPDATE message_state AS s SET
            due_at = CASE WHEN s.due_at > latest AND s.due_at < 'infinity' THEN latest ELSE s.due_at END,
            lease_until = CASE WHEN s.lease_until > $3 THEN $3 ELSE s.lease_until END,
            failed_since = CASE WHEN s.failed_since > $1 THEN $1 ELSE s.failed_since END,
            doubt_since = CASE WHEN s.doubt_since > $1 THEN $1 ELSE s.doubt_since END
        FROM astray WHERE s.id = astray.id AND (
            s.due_at > latest AND s.due_at < 'infinity' OR s.lease_until > $3 OR s.failed_since > $1 OR s.doubt_since > $1)
        RETURNING s.id
        """,
        now,
        now + longest.rest,
        now + longest.lease,
        now + min(longest.held, longest.rest),
    )
    await pool.execute("UPDATE destination SET resume_at = $1 WHERE resume_at > $1", now + longest.told)
    return len(rows)


async def wake(pool: asyncpg.Pool, latest: datetime) -> int:
    """Ends the rests of destinations that last beyond `latest`; answers how many those were."""
    rows = await pool.fetch(
        "UPDATE destination SET resume_at = $1 WHERE resume_at > $1 RETURNING name", latest
    )
    return len(rows)
