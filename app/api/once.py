"""Idempotency-Key: a request that is sent again gets the answer of the first time, and nothing is done twice."""

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from pydantic import BaseModel

from app.api.auth import holder
from app.api.problems import ProblemError
from app.api.state import Given
from app.flows.keys import Holder

KEPT = timedelta(hours=24)
# Longer than any request runs: an older claim without an answer is that of a process that died.
RUNS = timedelta(seconds=120)
KEY = re.compile(r'"?([!#-~]{1,200})"?')
CLAIM = """
INSERT INTO api_answer (client, key, fingerprint, at) VALUES ($1, $2, $3, $4)
ON CONFLICT (client, key) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at
WHERE api_answer.answer IS NULL AND api_answer.at < $5
RETURNING true
"""
M = TypeVar("M", bound=BaseModel)


class Once:
    """A dependency. The key is the client's own; errors are not kept, so that what failed may be tried again."""

    def __init__(
        self,
        request: Request,
        state: Given,
        client: Annotated[Holder, Depends(holder)],
        idempotency_key: Annotated[
            str | None,
            Header(
                alias="Idempotency-Key",
                description="Sent again within 24 hours, the request is answered as it was and not repeated",
            ),
        ] = None,
    ) -> None:
        found = KEY.fullmatch(idempotency_key) if idempotency_key is not None else None
        if idempotency_key is not None and found is None:
            raise ProblemError("bad_request", "An Idempotency-Key is 1 to 200 visible ASCII characters")
        self._request = request
        self._state = state
        self._name = (client.id, found[1]) if found else None

    async def answer(self, model: type[M], work: Callable[[], Awaitable[M]]) -> M:
        """Raises ProblemError `conflict` while the first is running, `key_reused` if it was another request."""
        if self._name is None:
            return await work()
        kept = await self._claim(self._name)
        if kept is not None:
            return model.model_validate_json(kept)
        try:
            done = await work()
        except Exception:
            await self._state.pool.execute(
                "DELETE FROM api_answer WHERE client = $1 AND key = $2", *self._name
            )
            raise
        await self._state.pool.execute(
            "UPDATE api_answer SET answer = $3 WHERE client = $1 AND key = $2",
            *self._name,
            done.model_dump_json(),
        )
        return done

    async def _claim(self, name: tuple[str, str]) -> str | None:
        """The answer that is kept, or None: ours to do. The claim is committed before the work begins."""
        pool, now = self._state.pool, self._state.now()
        print_ = await self._fingerprint()
        await pool.execute("DELETE FROM api_answer WHERE at < $1", now - KEPT)
        if await pool.fetchval(CLAIM, *name, print_, now, now - RUNS):
            return None
        row = await pool.fetchrow(
            "SELECT fingerprint, answer FROM api_answer WHERE client = $1 AND key = $2", *name
        )
        if row is not None and row["fingerprint"] != print_:
            raise ProblemError("key_reused")
        if row is None or row["answer"] is None:
            running = "The first request with this Idempotency-Key is still running"
            raise ProblemError("conflict", running, headers={"retry-after": "1"})
        answer: str = row["answer"]
        return answer

    async def _fingerprint(self) -> bytes:
        scope = self._request.scope
        body = hashlib.sha256(await self._request.body()).digest()
        where = f"{scope['method']} {scope['path']}".encode("utf-8", "surrogateescape")
        return hashlib.sha256(where + b"?" + scope["query_string"] + b"\n" + body).digest()
