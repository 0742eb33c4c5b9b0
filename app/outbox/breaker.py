"""One row a destination remembers how it fares: a breaker, a rest, and how many requests it bears at once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg


@dataclass(frozen=True, slots=True)
class Failure:
    """`resume_at`: when the destination said so itself; else `rest`, doubling up to `most` seconds."""

    error: str
    now: datetime
    resume_at: datetime | None
    rest: float
    most: float
    opens_at: int


async def succeeded(pool: asyncpg.Pool, destination: str, ceiling: int, now: datetime) -> None:
    """Closes the breaker; one more request in flight for each round of successes. A rest that still lasts is kept: the
    answer is to a request that was on its way before.
    """
    await pool.execute(
        """
        UPDATE destination SET failures = 0, opened_at = NULL, slots = LEAST($2, slots + 1 / slots),
            resume_at = CASE WHEN resume_at > $3 THEN resume_at END,
            error = CASE WHEN resume_at > $3 THEN error END
        WHERE name = $1 AND (failures > 0 OR slots < $2 OR resume_at IS NOT NULL)
        """,
        destination,
        float(ceiling),
        now,
    )


async def failed(pool: asyncpg.Pool, destination: str, failure: Failure, *, rests: bool) -> None:
    """Halves the requests in flight. The longest rest that was asked for counts. `rests`: nothing is attempted for a
    while; always so once the breaker opens.
    """
    row = await pool.fetchrow(
        """
        UPDATE destination SET failures = failures + 1, slots = GREATEST(1, slots / 2), error = left($2, 200),
            opened_at = CASE WHEN failures + 1 >= $3 THEN coalesce(opened_at, $4) ELSE opened_at END
        WHERE name = $1 RETURNING failures
        """,
        destination,
        failure.error,
        failure.opens_at,
        failure.now,
    )
    if row is None:
        return
    open_ = row["failures"] >= failure.opens_at
    if rests or open_:
        seconds = failure.most if open_ else min(failure.most, failure.rest * 2.0 ** (row["failures"] - 1))
        await pool.execute(
            "UPDATE destination SET resume_at = GREATEST(resume_at, $2) WHERE name = $1",
            destination,
            failure.resume_at or failure.now + timedelta(seconds=seconds),
        )
