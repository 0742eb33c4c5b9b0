"""Sage ID tokens: refresh tokens rotate, so that one process refreshes at a time and saves before it uses
(sage200.md 3). Whoever loses a rotated token loses the consent: a person must give it anew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hmac import compare_digest

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.connectors.sage200.classify import message
from app.connectors.sage200.failures import LOST
from app.connectors.sage200.replies import receive
from app.connectors.sage200.settings import Sage200Settings
from app.domain.errors import DestinationError
from app.domain.pause import resume_at
from app.domain.tokens import TokenPair, TokenStore

LEASE_SECONDS = 30.0
EXCHANGE_SECONDS = 20.0  # well inside the lease: nobody else may try the same token meanwhile
WAIT_SECONDS = 0.25
FRESH = timedelta(seconds=10)
EARLY = timedelta(seconds=60)
MISLED = (
    "Sage answers 401 to a fresh token: X-Site or X-Company is wrong, the user has no access to this company, "
    "or the consent was withdrawn"
)


class _Grant(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: str = Field(pattern=r"^[!-~]+$")  # it goes into a header
    refresh_token: str = ""
    expires_in: float = 3600.0


class Tokens:
    """`access()` gives a token that is good for a while; `replace(spent)` another one after a 401."""

    def __init__(
        self,
        settings: Sage200Settings,
        store: TokenStore,
        http: httpx.AsyncClient,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._store = store
        self._http = http
        self._now = now
        self._pause = pause
        self._pair: TokenPair | None = None
        self._unsaved: TokenPair | None = None
        self._turn = asyncio.Lock()

    async def access(self) -> str:
        async with self._turn:
            if self._pair is None or not self._usable(self._pair):
                self._pair = await self._obtain(spent="")
            return self._pair.access_token

    async def replace(self, spent: str) -> str:
        """Raises DestinationError when `spent` was new: then the token is not what is wrong."""
        async with self._turn:
            if self._pair is None or compare_digest(self._pair.access_token, spent):
                # Saved in what is now the future: the clock went back, and nobody knows how old it is.
                if self._pair is not None and timedelta() <= self._now() - self._pair.saved_at < FRESH:
                    raise DestinationError(MISLED)
                self._pair = await self._obtain(spent=spent)
            return self._pair.access_token

    async def _obtain(self, *, spent: str) -> TokenPair:
        for _ in range(int(2 * LEASE_SECONDS / WAIT_SECONDS)):
            pair = await self._stored(spent)
            if pair:
                return pair
            async with self._store.refresh_lease(LEASE_SECONDS) as ours:
                if ours:
                    return await self._stored(spent) or await self._rotate_whole()
            await self._pause(WAIT_SECONDS)
        raise DestinationError(
            "another process holds the lease for refreshing Sage's token and does not finish"
        )

    async def _stored(self, spent: str) -> TokenPair | None:
        pair = await self._store.load()
        return pair if pair and not compare_digest(pair.access_token, spent) and self._usable(pair) else None

    async def _rotate_whole(self) -> TokenPair:
        work = asyncio.ensure_future(self._rotate())
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})  # a pair that was given and not saved would cost the consent
            raise

    async def _rotate(self) -> TokenPair:
        """A pair that could not be saved is kept for the next try: the one before it is spent."""
        self._unsaved = self._unsaved or await self._granted()
        await self._store.save(self._unsaved)
        pair, self._unsaved = self._unsaved, None
        return pair

    async def _granted(self) -> TokenPair:
        """The configured refresh token is tried after the stored one: that is how a new consent arrives."""
        stored = await self._store.load()
        configured = self._settings.refresh_token.get_secret_value()
        for refresh_token in dict.fromkeys([stored.refresh_token, configured] if stored else [configured]):
            pair = await self._exchange(refresh_token)
            if pair:
                return pair
        raise DestinationError("Sage ID refuses the refresh token: a person must give consent again")

    async def _exchange(self, refresh_token: str) -> TokenPair | None:
        """None: the token endpoint no longer knows this refresh token."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.get_secret_value(),
            "refresh_token": refresh_token,
        }
        asked = self._now()
        try:
            async with asyncio.timeout(EXCHANGE_SECONDS):
                reply = await receive(
                    self._http, self._http.build_request("POST", self._settings.token_url, data=form)
                )
        except LOST as error:
            raise DestinationError(f"Sage ID gave no answer: {type(error).__name__}") from error
        if reply.status in {400, 401, 403} and b"invalid_grant" in reply.body:
            return None
        if reply.status != 200:
            detail = f"Sage ID answered {reply.status}: {message(reply.body)}"
            raise DestinationError(detail, resume_at(reply.headers.get("retry-after"), asked))
        try:
            grant = _Grant.model_validate_json(reply.body)
        except ValidationError as error:
            raise DestinationError("Sage ID answered 200 without tokens") from error
        return TokenPair(
            access_token=grant.access_token,
            refresh_token=grant.refresh_token or refresh_token,
            access_until=asked + timedelta(seconds=grant.expires_in),
            saved_at=asked,
        )

    def _usable(self, pair: TokenPair) -> bool:
        early = min(EARLY, (pair.access_until - pair.saved_at) / 10)
        return self._now() < pair.access_until - early
