"""Bearer keys and their scopes."""

from typing import Annotated

from fastapi import Depends, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from app.api.problems import ProblemError
from app.api.state import Given
from app.flows.keys import Holder, authenticate

BEARER = HTTPBearer(
    scheme_name="key",
    auto_error=False,
    description="An API key, `slk_…`, made by `sluice keys create`. Each operation names the scope it needs.",
)


async def holder(
    response: Response,
    state: Given,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
) -> Holder:
    found = await authenticate(state.pool, given.credentials, state.now()) if given else None
    if found is None:
        raise ProblemError("unauthorized", headers={"www-authenticate": "Bearer"})
    response.headers["cache-control"] = "no-store"
    return found


class Scope:
    """A dependency: the holder of a key that has this scope."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def __call__(self, found: Annotated[Holder, Depends(holder)]) -> Holder:
        if self.name not in found.scopes:
            raise ProblemError("forbidden", f"This needs the scope {self.name}")
        return found


def sees_payload(found: Holder) -> bool:
    return "messages:payload" in found.scopes


Reader = Annotated[Holder, Depends(Scope("messages:read"))]
Settler = Annotated[Holder, Depends(Scope("exceptions:write"))]
Mapper = Annotated[Holder, Depends(Scope("mappings:write"))]
Auditor = Annotated[Holder, Depends(Scope("audit:read"))]
