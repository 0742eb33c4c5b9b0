"""What goes wrong: drawn for every delivery, for every batch of notices and for every effect."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

SHARE = 0.3
Kind = TypeVar("Kind", bound=StrEnum)


class OnTheWay(StrEnum):
    """Of a delivery."""

    WELL = "arrived"
    ABORTED = "append aborted"
    UNANSWERED = "append unanswered"
    LATE = "delivered late"


class InHand(StrEnum):
    """Of a batch of notices, and of the settling of any batch."""

    WELL = "settled"
    ABORTED = "settle aborted"
    HALVED = "half of a batch lost"
    DROPPED = "batch lost"


class AtTheBooks(StrEnum):
    """Of an effect. `DIES_…`: its worker is never heard of again."""

    WELL = "written"
    DIES_BEFORE = "died before the intent"
    DIES_INTENDED = "died before the send"
    DIES_SENT = "died after the send"
    LOST_AFTER = "answer lost"
    LOST_BEFORE = "request lost"
    COMMITS_LATE = "committed late"
    REFUSED = "refused"
    LOCKED = "record locked"


UNHEARD = frozenset({AtTheBooks.DIES_BEFORE, AtTheBooks.DIES_INTENDED, AtTheBooks.DIES_SENT})
UNINTENDED = frozenset({AtTheBooks.DIES_BEFORE, AtTheBooks.LOCKED})
WRITTEN = frozenset({AtTheBooks.WELL, AtTheBooks.DIES_SENT, AtTheBooks.LOST_AFTER})
IN_DOUBT = frozenset({AtTheBooks.LOST_AFTER, AtTheBooks.LOST_BEFORE, AtTheBooks.COMMITS_LATE})


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. The books write nothing later than `deadline` after it was sent; `quarantine` is longer. A lease is long,
    since the machine may be slow; that of a worker that dies is ended early.
    """

    lease: float = 30.0
    deadline: float = 0.6
    quarantine: float = 1.0
    patience: float = 3.0
    probe: float = 0.15


def draw(kinds: type[Kind], rng: random.Random) -> Kind:
    """The first kind unless a fault strikes; then any other."""
    well, *faults = kinds
    return rng.choice(faults) if rng.random() < SHARE else well
