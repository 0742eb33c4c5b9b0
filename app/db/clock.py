"""One clock for all hosts: Postgres's, carried on by this process's monotonic clock between looks.

A host whose wall clock jumps, or runs apart from the others, still agrees with them about leases.
"""

from datetime import UTC, datetime, timedelta
from time import monotonic

import asyncpg


class DatabaseClock:
    def __init__(self) -> None:
        self._at = datetime.now(UTC)
        self._mark = monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=monotonic() - self._mark)

    async def look(self, pool: asyncpg.Pool) -> None:
        """Takes Postgres's time; half of the round trip is the best guess of the way back."""
        before = monotonic()
        at = await pool.fetchval("SELECT clock_timestamp()")
        after = monotonic()
        self._at, self._mark = at + timedelta(seconds=(after - before) / 2), after
