"""The shape of a sales channel: a value made of functions, opened by `async with`. Every part but the name is optional."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.domain.message import Draft
from app.domain.order import Order, Unreadable


@dataclass(frozen=True, slots=True)
class Page:
    """What one poll call brought: drafts to append, the cursor to keep with them, and whether more waits.

    `confirm`: opaque ids that the channel may forget once the drafts are committed (never before).
    `horizon`: how far through the channel's history this page reaches, UTC.
    """

    drafts: tuple[Draft, ...]
    cursor: dict[str, Any]
    more: bool = False
    confirm: tuple[str, ...] = ()
    horizon: datetime | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Requests a second on average, and at once. Orders keep at least 30 % of it (outbox.md §8)."""

    rate: float
    burst: float


Receive = Callable[[bytes, Mapping[str, str], datetime], tuple[Draft, ...]]
Poll = Callable[[dict[str, Any], datetime], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class Channel:
    """`name`: `centra`; `connection`: `uk`. `receive(raw, headers, now)` is pure; it raises ForgedError, or
    MalformedError for authentic bytes that it cannot read. Header names arrive in lower case.
    `content_type`: the only one that `receive` reads. `polls`: name -> call. `fetch_orders(refs)`: in one request;
    refs that the channel does not (yet) know, or that are another store's, are left out of the answer; an order that
    cannot be read does not take the others with it. `confirm(ids)`: the channel forgets.
    """

    name: str
    connection: str
    prefix: str = ""
    content_type: str | None = None
    receive: Receive | None = None
    polls: Mapping[str, Poll] = field(default_factory=dict)
    confirm: Callable[[Sequence[str]], Awaitable[None]] | None = None
    fetch_orders: Callable[[Sequence[str]], Awaitable[Mapping[str, Order | Unreadable]]] | None = None
    preflight: Callable[[], Awaitable[tuple[str, ...]]] | None = None
    budget: Budget | None = None

    @property
    def destination(self) -> str:
        return f"{self.name}:{self.connection}"
