"""What the pages are given. The root builds it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import asyncpg
from jinja2 import Environment
from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Desk:
    """`prefixes`: connection -> prefix of its keys in the ERP. `ring` wakes a worker; it neither waits nor raises.
    `zone`: where the people are; times are told in it and in UTC.
    """

    pool: asyncpg.Pool
    prefixes: Mapping[str, str]
    now: Callable[[], datetime]
    ring: Callable[[], Awaitable[None]]
    zone: ZoneInfo
    templates: Environment


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
