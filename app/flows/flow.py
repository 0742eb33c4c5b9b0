"""What a flow declares, and what its handler is given."""

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.errors import TransientError
from app.domain.message import Claimed, Outcome
from app.flows.context import Context


class FencedError(TransientError):
    """The lease would not outlast the request: nothing was sent."""


@dataclass(slots=True)
class Lease:
    """How long the batch is ours; the engine prolongs it while the handler works."""

    until: datetime

    def check(self, now: datetime, deadline: float) -> None:
        """Called right before a request is written: its answer must come while the message is still ours."""
        if now + timedelta(seconds=deadline) > self.until:
            raise FencedError("the lease ends before the request's deadline")


@dataclass(frozen=True, slots=True)
class Batch:
    messages: Sequence[Claimed]
    lease: Lease


Handler = Callable[[Context, Batch], AsyncGenerator[Sequence[Outcome], None]]
"""Runs with no transaction open; yields outcomes as they become known, each message once."""


@dataclass(frozen=True, slots=True)
class Flow:
    """`kind`: `order` is put behind the destination's name (`centra.order`). `batch`: most messages a slot takes.
    `serial`: one batch in flight in the whole cluster, in append order. `single`: each message takes a slot of its
    own. `spare`: never touches the share of a budget that is kept for orders. `behind`: not claimed while a message of
    that kind is in flight at its destination.
    """

    kind: str
    handle: Handler
    batch: int = 1
    serial: bool = False
    single: bool = False
    spare: bool = False
    behind: str | None = None
