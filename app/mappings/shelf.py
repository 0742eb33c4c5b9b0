"""The mapping tables of one process: read anew only when a row changed."""

from contextlib import suppress

import asyncpg

from app.db.session import TROUBLE
from app.domain.refusals import PhraseRow
from app.domain.rules import Mappings
from app.mappings.read import refresh
from app.mappings.refusal import RefusedError


class Shelf:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._kept = Mappings(version="never read")

    async def __call__(self) -> Mappings:
        """Raises RefusedError if a stored row is none any longer: nothing is posted by half a table."""
        self._kept = await refresh(self._pool, self._kept)
        return self._kept

    async def phrases(self) -> tuple[PhraseRow, ...]:
        """As they were last read, where they cannot be read now: a refusal is understood all the same."""
        with suppress(*TROUBLE, RefusedError):
            await self()
        return self._kept.phrases
