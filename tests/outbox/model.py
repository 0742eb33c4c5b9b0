"""The outbox as it should be: lanes are lists, and who may go is looked up, not counted. Nothing is locked, nothing is fast.

It answers for each verb what Postgres must answer, so what it says is read from the promises and not from the engine.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from app.domain.lanes import order_lane, sku_lanes, state_lane
from app.domain.message import Done, Draft, MessageClass, Result
from app.outbox.room import Want

RESULTS = frozenset(Result)
ALWAYS = datetime.min.replace(tzinfo=UTC)
OVERTAKEN = Done(Result.SUPERSEDED)


@dataclass(eq=False)
class Message:
    """`state`: open, leased, in_doubt, parked, or how it ended. `ticket`: of its lanes, None while it stands in none."""

    name: str
    number: int
    draft: Draft
    order: str | None
    lanes: tuple[str, ...]
    due: datetime
    state: str = "open"
    entered: bool = False
    ticket: int | None = None
    token: int | None = None
    lease_until: datetime | None = None
    attempts: int = 0
    failed_since: datetime | None = None
    sent: bool = False
    doubt_since: datetime | None = None
    waited: float = 0.0
    probes: int = 0
    aside: str | None = None

    @property
    def done(self) -> bool:
        return self.state in RESULTS

    @property
    def probing(self) -> bool:
        return self.state == "leased" and self.doubt_since is not None


@dataclass(frozen=True)
class Answer:
    name: str
    duplicate: bool = False
    conflict: bool = False


def name_of(draft: Draft) -> str:
    return draft.key or str(draft.body["name"])


@dataclass
class Model:
    """`patience` and `rng` as in the engine's rules. `served`: lane -> tickets in the order in which they were done."""

    now: datetime
    rng: random.Random
    patience: timedelta = timedelta(seconds=30)
    messages: dict[str, Message] = field(default_factory=dict)
    bodies: dict[str, str] = field(default_factory=dict)
    conflicts: set[tuple[str, str]] = field(default_factory=set)
    lanes: dict[str, list[str]] = field(default_factory=dict)
    dirty: set[str] = field(default_factory=set)
    served: dict[str, list[int]] = field(default_factory=dict)
    numbers: int = 0
    tickets: int = 0
    tokens: int = 0

    # Who may go.

    def word(self, message: Message) -> str:
        """As Postgres calls it."""
        if message.state != "open":
            return message.state
        return "ready" if message.entered and not self.blockers(message) else "waiting"

    def blockers(self, message: Message) -> int:
        return sum(
            self.lanes[lane][0] != message.name for lane in message.lanes if message.ticket is not None
        )

    def behind(self, message: Message) -> bool:
        """Whether another of its order comes first."""
        return message.order is not None and self.lanes[message.order][0] != message.name

    def may_enter(self, message: Message) -> bool:
        due = message.due <= self.now
        return message.state == "open" and not message.entered and due and not self.behind(message)

    def of(self, *states: str) -> list[Message]:
        return [message for message in self.messages.values() if message.state in states]

    def open(self) -> list[Message]:
        return [message for message in self.messages.values() if message.state not in RESULTS]

    # Places.

    def stand(self, message: Message, lanes: Sequence[str]) -> None:
        for lane in lanes:
            self.lanes.setdefault(lane, []).append(message.name)

    def leave(self, message: Message, lanes: Sequence[str]) -> None:
        for lane in lanes:
            self.lanes[lane].remove(message.name)
            if not self.lanes[lane]:
                del self.lanes[lane]

    def enter(self, most: int = 200) -> int:
        """Everything that may, in order of arrival."""
        able = sorted((m for m in self.messages.values() if self.may_enter(m)), key=lambda m: m.number)
        for message in able[:most]:
            self._enter(message)
        return len(able[:most])

    def _enter(self, message: Message) -> None:
        self.tickets += 1
        message.entered = True
        message.ticket = self.tickets if message.lanes else None
        self.stand(message, message.lanes)

    def withdraw(self, message: Message) -> None:
        if message.ticket is not None:
            self.leave(message, message.lanes)
        message.ticket, message.entered = None, False

    def step_aside(self, message: Message, reason: str) -> None:
        if message.ticket is None:
            self.withdraw(message)
            return
        message.aside = reason
        self.dirty |= {lane.removeprefix("sku:") for lane in message.lanes if lane.startswith("sku:")}
        self.withdraw(message)

    # Append.

    def append(self, drafts: Sequence[Draft]) -> list[Answer]:
        answers = [self._claim_key(draft) for draft in drafts]
        for draft, answer in zip(drafts, answers, strict=True):
            if not answer.duplicate:
                self._place(draft)
        return answers

    def _claim_key(self, draft: Draft) -> Answer:
        if draft.key is None:
            return Answer(name_of(draft))
        if draft.key not in self.bodies:
            self.bodies[draft.key] = str(draft.body)
            return Answer(draft.key)
        conflict = self.bodies[draft.key] != str(draft.body)
        if conflict:
            self.conflicts.add((draft.key, str(draft.body)))
        return Answer(draft.key, duplicate=True, conflict=conflict)

    def _place(self, draft: Draft) -> None:
        self.numbers += 1
        notice = draft.cls is MessageClass.NOTICE
        order = None if notice or draft.order_ref is None else order_lane(draft.source, draft.order_ref)
        lanes = () if notice else sku_lanes(draft.skus)
        if draft.coalesce_key is not None:
            lanes = (state_lane(draft.coalesce_key),)
        new = Message(name_of(draft), self.numbers, draft, order, lanes, draft.due_at or ALWAYS)
        self.messages[new.name] = new
        if draft.coalesce_key is not None and self._take_over(new):
            return
        if order is not None:
            self.stand(new, [order])
        if not self.behind(new):
            self._enter(new)

    def alike(self, message: Message) -> list[Message]:
        key = message.draft.coalesce_key
        return [
            m for m in self.open() if key is not None and m.draft.coalesce_key == key and m is not message
        ]

    def _take_over(self, new: Message) -> bool:
        """The newest body wins: it takes the place of the first that waits, and whatever else waits or is parked ends."""
        old = sorted(
            (m for m in self.alike(new) if m.state in {"open", "parked"}),
            key=lambda m: (m.state == "parked", m.ticket is None, m.ticket or m.number),
        )
        place = next((m for m in old if m.state == "open"), None)
        for message in old:
            if message is not place:
                self.end(message, OVERTAKEN)
        if place is None:
            return False
        if place.ticket is not None:
            lane = self.lanes[place.lanes[0]]
            lane[lane.index(place.name)] = new.name
        kept = replace(place, name=new.name, number=new.number, draft=new.draft, due=min(place.due, new.due))
        self.messages[new.name] = kept
        place.state, place.ticket, place.entered = Result.SUPERSEDED, None, False
        return True

    # Claim.

    def claim(self, want: Want, destination: str, slots: int, lease: timedelta) -> list[Message]:
        """In doubt before ready, first due first; a batch is one token and one slot, a single message is its own."""
        leased = [m for m in self.of("leased") if m.draft.destination == destination]
        free = slots - len({m.token for m in leased})
        if want.serial and any(m.draft.kind == want.kind for m in leased):
            return []
        taken: list[Message] = []
        for state in ("in_doubt", "ready"):
            if want.serial and taken:
                break
            most = 0 if free <= 0 else free if want.single else want.batch
            due = [
                m
                for m in self.open()
                if m.draft.kind == want.kind and self.word(m) == state and m.due <= self.now
            ]
            batch = sorted(due, key=lambda m: (m.due, m.number))[:most]
            for message in batch:
                self.tokens += 1 if want.single or message is batch[0] else 0
                message.state, message.token, message.lease_until = "leased", self.tokens, self.now + lease
                message.attempts += 1
            free -= len(batch) if want.single else min(1, len(batch))
            taken += batch
        return taken

    def end(self, message: Message, verdict: Done) -> None:
        if message.ticket is not None:
            self.leave(message, message.lanes)
        if message.order is not None:
            self.leave(message, [message.order])
        message.state, message.ticket, message.token = verdict.result.value, None, None
        message.entered = False

    def renew(self, token: int, until: datetime) -> None:
        for message in self.of("leased"):
            if message.token == token:
                message.lease_until = until

    def intend(self, message: Message, token: int) -> bool:
        ours = message.state == "leased" and message.token == token
        message.sent = message.sent or ours
        return ours

    def rescue(self, settle_delay: timedelta) -> int:
        lost = [m for m in self.of("leased") if m.lease_until is not None and m.lease_until < self.now]
        for message in lost:
            message.token = message.lease_until = None
            message.state = "in_doubt" if message.sent else "open"
            if message.sent:
                message.failed_since = message.failed_since or self.now
                message.doubt_since = message.doubt_since or self.now
                message.due = self.now + settle_delay
            message.waited = message.waited + settle_delay.total_seconds() if message.sent else 0.0
        return len(lost)
