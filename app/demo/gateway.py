"""What the script does at Sluice as a person would: over its HTTP API, with a key. A restarting API is waited for."""

import asyncio
from typing import Any

import httpx

from app.demo.errors import DemoError

Doc = dict[str, Any]
PATIENCE_SECONDS = 30.0
REASON = "scripted shopping day"


class Gateway:
    def __init__(self, http: httpx.AsyncClient, url: str, key: str) -> None:
        self._http = http
        self.url = url
        self.key = key
        self._headers = {"Authorization": f"Bearer {key}"}

    async def order(self, connection: str, number: int) -> Doc | None:
        """None for an order that Sluice has not heard of."""
        answer = await self._ask("GET", f"orders/{connection}/{number}")
        if answer.status_code == 404:
            return None
        orders: list[Doc] = _read(answer)["orders"]
        return orders[0]

    async def open_exceptions(self, **filters: str | int) -> list[Doc]:
        answer = await self._ask("GET", "exceptions", params={"open": "true", **filters})
        items: list[Doc] = _read(answer)["items"]
        return items

    async def map(self, table: str, row: Doc) -> Doc:
        """Adds one row as a person would: read the table, send its ETag back. Answers the plan that was applied."""
        while True:
            etag = (await self._ask("GET", f"mappings/{table}")).headers.get("etag", "")
            body = {"rows": [row], "reason": REASON, "apply": True}
            answer = await self._ask("POST", f"mappings/{table}/rows", json=body, headers={"If-Match": etag})
            if answer.status_code != 412:
                plan: Doc = _read(answer)
                return plan

    async def retry(self, case_id: int) -> None:
        _read(await self._ask("POST", f"exceptions/{case_id}/retry", json={"reason": REASON}))

    async def _ask(self, method: str, path: str, **given: Any) -> httpx.Response:
        headers = self._headers | given.pop("headers", {})
        clock = asyncio.get_running_loop().time
        until = clock() + PATIENCE_SECONDS
        while True:
            try:
                answer = await self._http.request(
                    method, f"{self.url}/api/v1/{path}", headers=headers, **given
                )
            except httpx.TransportError as error:
                if clock() > until:
                    raise DemoError(f"Sluice's API does not answer: {type(error).__name__}") from None
            else:
                if answer.status_code != 503 or clock() > until:
                    return answer
            await asyncio.sleep(0.1)


def _read(answer: httpx.Response) -> Any:
    if not answer.is_success:
        request = answer.request
        raise DemoError(
            f"The API refused {request.method} {request.url.path} ({answer.status_code}): {answer.text[:400]}"
        )
    return answer.json()
