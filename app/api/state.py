"""What the routes are given. The root builds it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import asyncpg
from fastapi import Depends, Request
from structlog.typing import FilteringBoundLogger

from app.api.webhooks import Intake
from app.domain.calendar import LONDON
from app.domain.channel import Channel


@dataclass(frozen=True, slots=True)
class State:
    """`pool` is that of the internal API; intake has its own. `mint` makes request ids. `zone`: of the people at the
    console.
    """

    pool: asyncpg.Pool
    channels: Mapping[str, Channel]
    intake: Intake
    now: Callable[[], datetime]
    mint: Callable[[], str]
    log: FilteringBoundLogger
    zone: ZoneInfo = LONDON

    def prefixes(self) -> dict[str, str]:
        """Connection -> prefix of its keys in the ERP."""
        return {channel.connection: channel.prefix for channel in self.channels.values()}


def state_of(request: Request) -> State:
    state: State = request.app.state.sluice
    return state


Given = Annotated[State, Depends(state_of)]
