"""What goes wrong, how often, and when: rules drawn from a seed."""

import random
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import MappingProxyType
from typing import Any

from app.sandbox.store import Store

Place = tuple[str, str, str]
RULES = "sandbox.fault_rule"
COUNTS = "sandbox.fault_count"
ANYWHERE: Place = ("", "", "")
ENTRY: Place = ("sage200", r"^POST$", r"/sop_orders$")
ACTION: Place = ("virtualstock", r"^POST$", r"/orders/\d+/\w+/$")
ORDER_LIST: Place = ("virtualstock", r"^GET$", r"/restapi/v4/orders/$")
WRITE: Place = (
    "sage200",
    r"^(POST|PUT|DELETE)$",
    r"/(sop_orders|sop_despatch_receipts|couriers|customer_delivery_addresses)(/\d+)?$|/sop_confirm_despatch$",
)
QUERY: Place = ("centra", r"^POST$", r"/graphql$")
WEBHOOK: Place = ("centra", r"^POST$", r"^webhook$")
KINDS: Mapping[str, Place] = MappingProxyType(
    {
        **dict.fromkeys(("drop", "reset", "slow"), ANYWHERE),
        **dict.fromkeys(("commit_then_drop", "commit_then_504", "drop_then_commit"), ANYWHERE),
        **dict.fromkeys(("status_400_empty", "status_401", "status_403", "status_429"), ANYWHERE),
        **dict.fromkeys(("status_500_html", "status_503", "status_504"), ANYWHERE),
        "ghost_draft": ENTRY,
        "late_commit": WRITE,
        "part_then_500": ACTION,
        "list_shrinks": ORDER_LIST,
        "stale_read": QUERY,
        **dict.fromkeys(("lose", "double", "reorder", "delay", "early"), WEBHOOK),
        **dict.fromkeys(("bad_signature", "truncate", "unknown_type", "foreign"), WEBHOOK),
    }
)
"""Each kind, and the only calls (system, method, path) on which it can do anything: elsewhere it neither hits nor counts."""


@dataclass(frozen=True, slots=True)
class Rule:
    """`kind`: one of KINDS. `path`: substring or regular expression, `system`, `path` and `method` empty = any. `times`: None = for ever.
    `seconds`: how long `slow` waits and at most how late `drop_then_commit` commits, in the sandbox's time.
    `stale_read`: a query that shows every order as it was before its latest change; one without a change is not there yet.
    `retry_after`: the header of `status_429`, none without it.
    """

    kind: str
    system: str = ""
    path: str = ""
    method: str = ""
    probability: float = 1.0
    times: int | None = None
    seconds: float | None = None
    retry_after: int | None = None

    def covers(self, system: str, method: str, path: str) -> bool:
        if (self.system and self.system != system) or (self.method and self.method.upper() != method.upper()):
            return False
        place = KINDS[self.kind]
        if (place[0] and place[0] != system) or not re.search(place[1], method.upper()):
            return False
        if not re.search(place[2], path):
            return False
        return not self.path or self.path in path or re.search(self.path, path) is not None


@dataclass
class _Armed:
    rule: Rule
    chance: random.Random
    left: int | None = field(default=None)


class Faults:
    def __init__(self, seed: int, store: Store | None = None) -> None:
        self._seed = seed
        self._store = store
        self._armed: list[_Armed] = []
        self.counts: Counter[str] = Counter()
        if store is not None:
            view = store.read()
            self.counts.update({doc["kind"]: doc["count"] for doc in view.all(COUNTS)})
            self._arm([Rule(**doc) for doc in sorted(view.all(RULES), key=lambda doc: doc.pop("place"))])

    def set(self, rules: list[dict[str, Any]]) -> None:
        """Replaces every rule. Raises ValueError for one that says nothing or something unknown."""
        self._arm([parse_rule(rule) for rule in rules])
        if self._store is not None:
            self._store.forget(RULES)
            for place in range(len(self._armed)):
                self._keep(place)

    def rules(self) -> list[dict[str, Any]]:
        return [asdict(replace(armed.rule, times=armed.left)) for armed in self._armed]

    def decide(self, system: str, method: str, path: str) -> str | None:
        rule = self.pick(system, method, path)
        return None if rule is None else rule.kind

    def pick(self, system: str, method: str, path: str) -> Rule | None:
        """The first rule that covers the call and whose draw hits; the hit is counted."""
        for place, armed in enumerate(self._armed):
            if armed.left == 0 or not armed.rule.covers(system, method, path):
                continue
            if armed.chance.random() >= armed.rule.probability:
                continue
            if armed.left is not None:
                armed.left -= 1
                self._keep(place)
            self._count(armed.rule.kind)
            return armed.rule
        return None

    def _arm(self, rules: list[Rule]) -> None:
        self._armed = [
            _Armed(rule, random.Random(f"{self._seed}:{place}:{rule}"), rule.times)
            for place, rule in enumerate(rules)
        ]

    def _keep(self, place: int) -> None:
        if self._store is not None:
            armed = self._armed[place]
            doc = {**asdict(replace(armed.rule, times=armed.left)), "place": place}
            self._store.save(RULES, str(place), doc)

    def _count(self, kind: str) -> None:
        self.counts[kind] += 1
        if self._store is not None:
            self._store.save(COUNTS, kind, {"kind": kind, "count": self.counts[kind]})


def parse_rule(raw: dict[str, Any]) -> Rule:
    """Raises ValueError for whatever would not be obeyed to the letter."""
    try:
        rule = Rule(**raw)
        re.compile(rule.path)
    except (TypeError, re.error) as error:
        raise ValueError(f"fault rule {raw!r}: {error}") from error
    amounts = (rule.probability, rule.seconds or 0, rule.times or 0, rule.retry_after or 0)
    if any(isinstance(one, bool) or not isinstance(one, (int, float)) or one < 0 for one in amounts):
        raise ValueError(f"fault rule {raw!r}: a number is needed, and none below zero")
    if not all(one is None or isinstance(one, int) for one in (rule.times, rule.retry_after)):
        raise ValueError(f"fault rule {raw!r}: times and retry_after are whole")
    if rule.kind not in KINDS or rule.probability > 1:
        raise ValueError(
            f"fault rule {raw!r}: needs a kind ({', '.join(KINDS)}) and a probability from 0 to 1"
        )
    return rule
