"""One request to the stall, and which error it ended in."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import simplejson

from app.domain.errors import DestinationError, PermanentError, TransientError
from app.domain.pause import resume_at
from tests.connectors.toy.settings import ToySettings


@dataclass(frozen=True, slots=True)
class Client:
    connection: str
    settings: ToySettings
    http: httpx.AsyncClient = field(repr=False)
    clock: Callable[[], datetime]

    async def ask(self, method: str, path: str, **wish: Any) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.settings.timeout_seconds):
                reply = await self.http.request(method, f"{self.settings.base_url}{path}", **wish)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise DestinationError("the stall is not there") from error
        except (httpx.HTTPError, TimeoutError) as error:
            raise TransientError("no whole answer") from error
        if reply.status_code in {401, 403, 429} or reply.status_code >= 500:
            pause = resume_at(reply.headers.get("retry-after"), self.clock())
            raise DestinationError(f"the stall answers {reply.status_code}", pause)
        if not reply.is_success:
            raise PermanentError("E-TOY-REFUSED", f"the stall answers {reply.status_code}")
        try:
            parsed = simplejson.loads(reply.content, use_decimal=True)
        except (ValueError, RecursionError) as error:
            raise DestinationError("the stall answers no JSON") from error
        if not isinstance(parsed, dict):
            raise DestinationError("the stall answers no object")
        return parsed
