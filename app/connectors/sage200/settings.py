"""Everything that this connector may be told. The names are those of the environment (`SLUICE_SAGE200__...`)."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from app.connectors.sage200.classify import LOCKED_PHRASES


def _rooted(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must start with https:// (or http:// for a rehearsal)")
    return url.rstrip("/")


def _compiled(phrases: tuple[str, ...]) -> tuple[str, ...]:
    for phrase in phrases:
        try:
            re.compile(phrase)
        except re.error as error:
            raise ValueError(f"{phrase!r} is no regular expression: {error}") from error
    return phrases


def _codec(name: str) -> str:
    try:
        "".encode(name)
    except LookupError as error:
        raise ValueError(
            f"{name!r} is no character set: give one such as latin-1 or cp1252, or none"
        ) from error
    return name


class Sage200Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[str, AfterValidator(_rooted)] = Field(
        description="up to and including `/accounts/v1`"
    )
    token_url: Annotated[str, AfterValidator(_rooted)] = Field(description="Sage ID's token endpoint")
    client_id: str = Field(description="of the API credentials")
    client_secret: SecretStr = Field(description="of the API credentials")
    refresh_token: SecretStr = Field(description="of the consent; its successors live in Postgres")
    site: str = Field(max_length=36, description="`site_id` of `GET /sites`, sent as X-Site")
    company: int = Field(description="`company_id` of `GET /sites`, sent as X-Company")
    concurrency: int = Field(default=4, ge=1, le=16, description="ceiling of requests in flight per process")
    timeout_seconds: float = Field(default=60.0, gt=0, description="after which a request is given up")
    lock_seconds: float = Field(
        default=10.0, gt=0, le=60, description="how long we hold Sage's lock on an order at most"
    )
    lookup_ttl_seconds: float = Field(
        default=300.0, ge=0, description="how long codes and settings are remembered"
    )
    spare_slot: int = Field(
        default=1,
        ge=0,
        le=10,
        description="which `spare_text_n` of an order carries our trace (0: none, old releases)",
    )
    charset: Annotated[str, AfterValidator(_codec)] = Field(
        default="utf-8",
        description="what the company's labels and forms can print: an address with other letters is parked, never sent",
    )
    ask_drafts: bool = Field(
        default=True, description="ask for drafts by `is_draft` when looking for our orders"
    )
    allocate: bool = Field(default=True, description="ask Sage to allocate stock on entry")
    filter_terms: int = Field(default=20, ge=1, le=200, description="most comparisons in one `$filter`")
    locked_phrases: Annotated[tuple[str, ...], AfterValidator(_compiled)] = Field(
        default=LOCKED_PHRASES,
        description="regular expressions, any case: a refusal that matches is tried again later",
    )
