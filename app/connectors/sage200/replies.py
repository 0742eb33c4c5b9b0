"""What came back, read whole and no further than a limit."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

LARGEST_BODY = 32 * 1024 * 1024  # 5,000 orders with their lines stay below


@dataclass(frozen=True, slots=True)
class Reply:
    """`headers`: names in lower case. `body`: decoded from its transfer and content encodings."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def receive(http: httpx.AsyncClient, request: httpx.Request) -> Reply:
    """Raises httpx.HTTPError also for a body above LARGEST_BODY: what was sent may have taken effect all the same."""
    response = await http.send(request, stream=True)
    try:
        parts: list[bytes] = []
        size = 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > LARGEST_BODY:
                raise httpx.DecodingError("the reply is too large", request=request)
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, b"".join(parts))
    finally:
        await response.aclose()
