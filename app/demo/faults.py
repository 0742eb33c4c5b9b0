"""How badly the vendors behave, as rules of the sandbox."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

Rule = dict[str, Any]
SURELY = 0.5
"""Chance of the one hit that each kind makes for certain; spread over the first calls rather than on the very first."""
API = "/accounts/v1/"
CREATE = r"/sop_orders$"
NAMES = MappingProxyType(
    {
        "lose": "webhook_lost",
        "double": "webhook_doubled",
        "reorder": "webhook_reordered",
        "status_504": "504",
        "status_401": "401",
    }
)


@dataclass(frozen=True, slots=True)
class Profile:
    """`shares`: kind -> how many of its calls it hits. `quick`: times may be as short as a calm vendor allows."""

    name: str
    shares: Mapping[str, float]
    kills: bool = False

    @property
    def calm(self) -> bool:
        return not self.shares

    @property
    def workers(self) -> int:
        return 2 if self.kills else 1

    def kinds(self) -> list[str]:
        """What must have happened at least once, in the words of the report."""
        killed = ["worker_killed", "api_killed"] if self.kills else []
        ghost = ["ghost_draft"] if self.shares else []
        return [*(rename(kind) for kind in self.shares), *ghost, *killed]

    def rules(self) -> list[Rule]:
        if self.calm:
            return []
        ghost = _rule("ghost_draft", SURELY / 2) | {"times": 1}
        sure = [_rule(kind, SURELY) | {"times": 1} for kind in self.shares]
        return [ghost, *sure, *(_rule(kind, share) for kind, share in self.shares.items())]


def _brutal() -> Iterator[tuple[str, float]]:
    yield from (("lose", 0.10), ("double", 0.10), ("reorder", 0.10))
    yield from (("commit_then_drop", 0.10), ("drop_then_commit", 0.05))
    yield from (("status_504", 0.10), ("reset", 0.05), ("status_401", 0.02))


BRUTAL = MappingProxyType(dict(_brutal()))
ROUGH = MappingProxyType({kind: share / 5 for kind, share in _brutal()})
PROFILES = MappingProxyType(
    {
        "none": Profile("none", MappingProxyType({})),
        "rough": Profile("rough", ROUGH),
        "brutal": Profile("brutal", BRUTAL, kills=True),
    }
)


def rename(kind: str) -> str:
    return NAMES.get(kind, kind)


def _rule(kind: str, probability: float) -> Rule:
    rule = {"kind": kind, "probability": probability}
    match kind:
        case "lose" | "double" | "reorder":
            return rule | {"system": "centra", "path": "webhook"}
        case "commit_then_drop" | "drop_then_commit" | "ghost_draft":
            return rule | {"system": "sage200", "path": CREATE, "method": "POST"}
        case _:
            return rule | {"system": "sage200", "path": API}
