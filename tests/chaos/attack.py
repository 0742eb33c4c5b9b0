"""What an attack is: it is given room, chance and time, and answers what it did and what it found."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Arena:
    """`root`: an empty folder of the attack's own. `share`: of the full size, 0 to 1. `seconds`: wall clock that it may
    take, starting and draining included.
    """

    root: Path
    seed: int
    share: float
    seconds: float

    def chance(self, what: str) -> random.Random:
        return random.Random(f"{what} {self.seed}")

    def scaled(self, full: int, least: int = 1) -> int:
        """So many of what the full size has `full` of."""
        return max(least, round(full * self.share))


@dataclass(frozen=True, slots=True)
class Report:
    """`share`: what was really run. `faults`: a sentence for each promise that was broken. `skipped`: why nothing was
    run, where the machine does not allow it.
    """

    name: str
    share: float
    figures: Mapping[str, int | float] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Attack:
    """`minutes`: that its full size takes on two cores."""

    name: str
    run: Callable[[Arena], Awaitable[Report]]
    minutes: float
