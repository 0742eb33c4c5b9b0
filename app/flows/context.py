"""What a flow may use. The roots build it; nothing else is global."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from app.domain.channel import Channel, Polled
from app.domain.erp import Erp
from app.domain.rules import Mappings
from app.telemetry.catalogue import Metrics

CHANNEL_SLOTS = 3
READ_LEASE = 15.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast and how patient, in seconds. `quarantine` must exceed the ERP's own time-out plus margin. `lock_...`: how
    often a record is asked for that a person has open, until `lock_patience` and after it.
    """

    lease: float = 90.0
    patience: float = 30.0
    quarantine: float = 300.0
    probe: float = 10.0
    probes: int = 2
    poll: float = 60.0
    sweep: float = 300.0
    backoff: float = 1.0
    backoff_most: float = 300.0
    attempts_most: int = 200
    hours_most: float = 24.0
    lock_first: float = 5.0
    lock_most: float = 60.0
    lock_patience: float = 900.0
    lock_slow: float = 300.0
    breaker_failures: int = 5
    breaker_rest: float = 10.0
    look: float = 1.0
    align_hour: int = 3


@dataclass(frozen=True, slots=True)
class Context:
    """`channels`: by destination (`centra:uk`). `now`: UTC, aware. `worker`: this process, for leases and logs."""

    pool: asyncpg.Pool
    now: Callable[[], datetime]
    rng: random.Random
    channels: Mapping[str, Channel]
    erp: Erp
    mappings: Callable[[], Awaitable[Mappings]]
    metrics: Metrics
    pace: Pace
    worker: str

    def lease_at(self, destination: str) -> float:
        """Seconds. A read may be repeated by whoever comes next, so a vanished reader is not waited for as long as a
        vanished sender.
        """
        return self.pace.lease if destination == self.erp.destination else min(self.pace.lease, READ_LEASE)

    def slots_at(self, destination: str) -> int:
        """Ceiling of requests in flight there."""
        return self.erp.slots if destination == self.erp.destination else CHANNEL_SLOTS

    def polled(self, destination: str) -> Polled:
        """Raises KeyError for a destination that is not configured here."""
        return self.erp if destination == self.erp.destination else self.channels[destination]

    def channel_of(self, connection: str) -> Channel:
        """Connection names are unique over all connectors. KeyError: the connection is not configured here."""
        for channel in self.channels.values():
            if channel.connection == connection:
                return channel
        raise KeyError(connection)
