"""The account's access token: five minutes each, fetched once however many ask (virtualstock.md 3)."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.domain.errors import DestinationError

ACCESS = timedelta(minutes=4)
REFRESH = timedelta(hours=3, minutes=55)
"""A little less than what was told: a token must not end on its way."""
Post = Callable[[str, dict[str, str]], Awaitable[tuple[int, Any]]]
"""(path, body) -> (status, parsed answer), without credentials."""


@dataclass(slots=True)
class Login:
    """One for each process and connection. Nothing rotates, so that processes need not agree."""

    username: str
    password: str
    post: Post
    now: Callable[[], datetime]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _access: str = ""
    _access_until: datetime | None = None
    _refresh: str = ""
    _refresh_until: datetime | None = None

    async def access(self) -> str:
        """Raises DestinationError where the account is refused."""
        async with self._turn:
            if not self._holds(self._access_until):
                await self._renew()
            return self._access

    async def replace(self, refused: str) -> str:
        """Another one than that which was refused; whoever comes late finds it there."""
        async with self._turn:
            if self._access == refused:
                await self._renew()
            return self._access

    def _holds(self, until: datetime | None) -> bool:
        return until is not None and self.now() < until

    async def _renew(self) -> None:
        self._access_until = None
        if self._holds(self._refresh_until):
            status, answer = await self.post("restapi/v4/token/refresh", {"refresh": self._refresh})
            if status == 200 and self._take(answer):
                return
        self._refresh_until = None
        given = {"username": self.username, "password": self.password}
        status, answer = await self.post("restapi/v4/token", given)
        if status != 200 or not self._take(answer):
            raise DestinationError(f"E-VS-LOGIN: Virtualstock refuses username and password ({status})")
        self._refresh, self._refresh_until = str(answer.get("refresh", "")), self.now() + REFRESH

    def _take(self, answer: Any) -> bool:
        token = answer.get("access") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            return False
        self._access, self._access_until = token, self.now() + ACCESS
        return True
