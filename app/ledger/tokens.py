"""The ERP's rotating token pair: one row, one refresher at a time, and a copy that survives a restored database."""

import asyncio
import json
import os
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg
import structlog

from app.domain.tokens import TokenPair

# A row that only carries a lease holds no pair yet: its refresh token is empty.
_LEASE = """
INSERT INTO erp_token (name, access_token, access_until, refresh_token, saved_at, lease_until, lease_holder)
VALUES ($1, '', '-infinity', '', '-infinity', clock_timestamp() + make_interval(secs => $3), $2)
ON CONFLICT (name) DO UPDATE SET lease_until = excluded.lease_until, lease_holder = excluded.lease_holder
WHERE erp_token.lease_until IS NULL OR erp_token.lease_until <= clock_timestamp()
RETURNING true
"""
_RELEASE = (
    "UPDATE erp_token SET lease_until = NULL, lease_holder = NULL WHERE name = $1 AND lease_holder = $2"
)
_LOAD = """
SELECT access_token, refresh_token, access_until, saved_at FROM erp_token WHERE name = $1 AND refresh_token <> ''
"""
# Never refused for its time: the ERP knows no older pair any more, whatever two clocks say.
_SAVE = """
INSERT INTO erp_token (name, access_token, refresh_token, access_until, saved_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (name) DO UPDATE SET access_token = excluded.access_token, refresh_token = excluded.refresh_token,
    access_until = excluded.access_until,
    saved_at = greatest(excluded.saved_at, erp_token.saved_at + interval '1 microsecond')
"""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A `TokenStore`. `name`: the ERP's destination (`sage200:main`). `folder`: the secrets directory, if there is
    one. A lease is a committed row, so no transaction is open while its holder talks to the token endpoint.
    """

    pool: asyncpg.Pool
    name: str
    folder: Path | None = None

    @property
    def copy(self) -> Path | None:
        """Hidden, so that nobody takes it for a setting."""
        return self.folder / f".{self.name.replace(':', '-')}.token.json" if self.folder else None

    async def load(self) -> TokenPair | None:
        """The newer of row and copy: after a restore the row holds a token that was already used up."""
        row = await self.pool.fetchrow(_LOAD, self.name)
        pairs = [TokenPair(**row)] if row else []
        if self.copy and (kept := await asyncio.to_thread(_read, self.copy)):
            pairs.append(kept)
        return max(pairs, key=lambda pair: pair.saved_at, default=None)

    @asynccontextmanager
    async def refresh_lease(self, seconds: float) -> AsyncIterator[bool]:
        holder = uuid.uuid4().hex
        ours = bool(await self.pool.fetchval(_LEASE, self.name, holder, seconds))
        try:
            yield ours
        finally:
            if ours:
                await self.pool.execute(_RELEASE, self.name, holder)

    async def save(self, pair: TokenPair) -> None:
        """The copy first: the ERP has forgotten the old pair by now, and the database may be the one that fails."""
        if self.copy:
            await asyncio.to_thread(_write, self.copy, pair)
        await self.pool.execute(
            _SAVE, self.name, pair.access_token, pair.refresh_token, pair.access_until, pair.saved_at
        )


def _read(path: Path) -> TokenPair | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return TokenPair(
            access_token=kept["access_token"],
            refresh_token=kept["refresh_token"],
            access_until=datetime.fromisoformat(kept["access_until"]),
            saved_at=datetime.fromisoformat(kept["saved_at"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        structlog.get_logger().warning("erp_token.copy_unreadable", error=type(error).__name__)
        return None


def _write(path: Path, pair: TokenPair) -> None:
    """Whole or not at all. A folder that is mounted read-only keeps no copy: the row is then alone."""
    content = json.dumps(
        {
            "access_token": pair.access_token,
            "refresh_token": pair.refresh_token,
            "access_until": pair.access_until.isoformat(),
            "saved_at": pair.saved_at.isoformat(),
        }
    )
    try:
        number, name = tempfile.mkstemp(prefix=".token-", dir=path.parent)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        structlog.get_logger().warning("erp_token.copy_not_kept", error=type(error).__name__)
