"""The rotating tokens of an ERP's API, and who keeps them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What the ERP's token endpoint gave at `saved_at`; each refresh token works once (sage200.md 3). Times are UTC."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    access_until: datetime
    saved_at: datetime


class TokenStore(Protocol):
    """Where the one pair of a connection lives, shared by all processes.

    `refresh_lease(seconds)`: an async context manager (`@asynccontextmanager` fits) that yields True to the one
    process that may refresh until `seconds` have passed or it leaves, False at once to the others; it holds no
    transaction open meanwhile. `save` is durable when it returns. `load` gives the newest pair, or None.
    """

    async def load(self) -> TokenPair | None: ...

    def refresh_lease(self, seconds: float) -> AbstractAsyncContextManager[bool]: ...

    async def save(self, pair: TokenPair) -> None: ...
