"""The controls of the sandbox: people, faults, switches, and the history that all verdicts come from."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from app.demo.errors import DemoError

Doc = dict[str, Any]


class Vendors:
    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self.url = url

    async def place(self, wish: Doc) -> Doc:
        """A shopper's checkout; the order with its `figures`."""
        return await self._post("people/centra/orders", wish)

    async def sell(self, wish: Doc) -> Doc:
        """A retailer's order."""
        return await self._post("people/virtualstock/orders", wish)

    async def amend(self, number: int, act: str, wish: Doc) -> Doc:
        return await self._post(f"people/centra/orders/{number}/{act}", wish)

    async def order(self, number: int) -> Doc:
        return dict(await self._get(f"people/centra/orders/{number}"))

    async def sage(self, deed: str, wish: Doc) -> Doc:
        return await self._post(f"people/sage200/{deed}", wish)

    async def seed(self, spec: Doc) -> Doc:
        return await self._post("seed", spec)

    async def switch(self, values: Doc) -> None:
        await self._post("switches", values)

    async def break_things(self, rules: Sequence[Mapping[str, Any]]) -> None:
        await self._post("faults", list(rules))

    async def fault_counts(self) -> dict[str, int]:
        return dict((await self._get("faults"))["counts"])

    async def waiting_webhooks(self) -> int:
        return int((await self._get("people/centra/outbound"))["pending"])

    async def history(self, since: int) -> list[Doc]:
        """At most 500 rows after `since`, oldest first."""
        rows: list[Doc] = await self._get(f"history?since={since}&limit=500")
        return rows

    async def _post(self, path: str, body: Any) -> Doc:
        return dict(_read(await self._http.post(f"{self.url}/_sandbox/{path}", json=body)))

    async def _get(self, path: str) -> Any:
        return _read(await self._http.get(f"{self.url}/_sandbox/{path}"))


def _read(answer: httpx.Response) -> Any:
    if not answer.is_success:
        request = answer.request
        raise DemoError(
            f"The sandbox refused {request.method} {request.url.path} ({answer.status_code}): {answer.text[:400]}"
        )
    return answer.json()
