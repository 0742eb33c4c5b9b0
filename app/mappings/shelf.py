"""The mapping tables of one process: read anew only when a row changed."""

import asyncpg

from app.domain.rules import Mappings
from app.mappings.read import refresh


class Shelf:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._kept = Mappings(version="never read")

    async def __call__(self) -> Mappings:
        """Raises RefusedError if a stored row is none any longer: nothing is posted by half a table."""
        self._kept = await refresh(self._pool, self._kept)
        return self._kept
