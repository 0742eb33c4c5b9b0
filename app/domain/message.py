"""The one noun that travels."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class MessageClass(StrEnum):
    """notice: a thin hint · effect: something that must happen once · state: newest body wins."""

    NOTICE = "notice"
    EFFECT = "effect"
    STATE = "state"


class MessageState(StrEnum):
    WAITING = "waiting"
    READY = "ready"
    LEASED = "leased"
    IN_DOUBT = "in_doubt"
    PARKED = "parked"
    DONE = "done"


class Result(StrEnum):
    """How a done message ended."""

    APPLIED = "applied"
    NO_EFFECT = "no_effect"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class Owner(StrEnum):
    OPERATIONS = "operations"
    FINANCE = "finance"
    CX = "cx"
    SRE = "sre"


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that is not stored yet.

    `kind`: `centra.order`, `sage200.sales_order.place`. `destination`: `<system>:<connection>`, who is talked to
    when it is worked. `source`: the connection that it is about. `key`: permanent, or None for a state message,
    which has a `coalesce_key` instead. `skus`: codes as given; lanes are made of them at each entry.
    `raw`: the bytes as they arrived, where they matter as evidence.
    """

    kind: str
    cls: MessageClass
    destination: str
    source: str
    key: str | None = None
    coalesce_key: str | None = None
    order_ref: str | None = None
    skus: tuple[str, ...] = ()
    body: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    due_at: datetime | None = None
    parent: int | None = None
    park: "Violation | None" = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that this worker holds until `lease_until` (UTC), under `token`. `places`: (lane, ticket) where it
    stands, its order lane included. `waited`: seconds that were waited between the probes of a doubt: a clock that leaps
    must not end a quarantine. `locked_since`: when a person's lock was first met, if that is what it waits for (UTC).
    """

    id: int
    kind: str
    key: str | None
    destination: str
    source: str
    order_ref: str | None
    body: dict[str, Any]
    token: int
    lease_until: datetime
    attempts: int
    in_doubt: bool
    waited: float
    probes: int
    received_at: datetime
    raw: bytes | None = None
    lanes: tuple[str, ...] = ()
    places: tuple[tuple[str, int], ...] = ()
    locked_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where, what, how to mend it, and who does.

    `need` names the mapping row that would mend it (`tax_codes`, `customers`, ...), so that a new row can release
    all that waited on it.
    """

    code: str
    field: str
    value: str
    fix: str
    owner: Owner = Owner.OPERATIONS
    need: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    result: Result
    note: str = ""


@dataclass(frozen=True, slots=True)
class Retry:
    """`seconds`: None lets the outbox choose by its backoff. `blind`: nobody knows how far the handler came; what may
    have been sent becomes a question. `ill`: it may well be the destination, so that it counts towards its breaker.
    """

    error: str
    seconds: float | None = None
    blind: bool = False
    ill: bool = False


@dataclass(frozen=True, slots=True)
class Snooze:
    """`aside`: leave the `sku:` lanes at once. `lanes`: those to enter next time, if others. `locked`: a person has the
    record open; `seconds` is then chosen where it is settled.
    """

    reason: str
    seconds: float
    aside: bool = False
    lanes: tuple[str, ...] | None = None
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """`there`: whether a live document with our key was seen; None: nobody looked, so a question stays open."""

    violations: tuple[Violation, ...]
    there: bool | None = None


@dataclass(frozen=True, slots=True)
class InDoubt:
    """Stay or become in doubt; `resend`: proven absent for longer than the quarantine, so it may be sent again."""

    error: str
    seconds: float
    resend: bool = False


@dataclass(frozen=True, slots=True)
class Sick:
    """The destination failed, not the message: give it back, rest the destination until `resume_at` if told.
    `counts`: the attempt counts all the same.
    """

    error: str
    resume_at: datetime | None = None
    counts: bool = False


Verdict = Done | Retry | Snooze | Park | InDoubt | Sick


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler says of one message; the engine settles it, its follow-ups and its facts in one transaction."""

    message: Claimed
    verdict: Verdict
    follow_ups: tuple[Draft, ...] = ()
    facts: tuple[object, ...] = ()


def unreadable(destination: str, key: str, raw: bytes, wrong: Violation) -> Draft:
    """What is authentic and cannot be read is kept for a person. `key`: of the event, one of a kind at its destination."""
    name, _, connection = destination.partition(":")
    return Draft(
        kind=f"{name}.unreadable",
        cls=MessageClass.NOTICE,
        destination=destination,
        source=connection,
        key=f"{name}/{connection}/{key}",
        raw=raw,
        park=wrong,
    )
