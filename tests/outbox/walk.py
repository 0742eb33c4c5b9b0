"""A walk through every verb of the outbox, drawn by Hypothesis: the model goes first, a twin must answer as it does."""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.domain.lanes import sku_lanes
from app.domain.message import Done, Draft, InDoubt, Result, Snooze, Verdict
from app.outbox.room import Want
from tests.outbox import model_settle as settling
from tests.outbox.draws import ANSWERS, BASKETS, DRAWS, FACES, PICKS, Dice, Draw
from tests.outbox.engine import APPLIED, effect, notice, state
from tests.outbox.model import Answer, Message, Model
from tests.outbox.model_settle import ModelMovedError, Said, Wish

START = datetime.fromisoformat(
    "2100-01-01T00:00:00+00:00"
)  # leases must not be over by the clock of the database
LEASE = timedelta(seconds=90)
DELAY = timedelta(seconds=10)
ERP, SHOP = "erp:main", "shop:uk"
WANTS = (
    Want("erp.place", batch=4, single=True),
    Want("erp.change", batch=3),
    Want("shop.order", batch=5, serial=True),
    Want("shop.stock"),
)


VERBS: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "append": (1, {"draws": DRAWS}),
    "work": (
        4,
        {"draws": DRAWS, "picks": PICKS, "verdicts": ANSWERS, "seconds": st.sampled_from([0, 1, 20])},
    ),
    "claim": (1, {"want": st.sampled_from(WANTS), "slots": st.sampled_from([1, 3, 50])}),
    "settle": (
        3,
        {
            "picks": PICKS,
            "verdicts": ANSWERS,
            "draws": st.just([]) | DRAWS,
            "face": FACES,
            "change": st.none() | st.tuples(st.integers(0, 30), st.none() | BASKETS, st.booleans()),
        },
    ),
    "tend": (
        3,
        {
            "verb": st.sampled_from(["wait", "wait", "intend", "rescue", "lose_patience", "renew"]),
            "pick": st.integers(0, 30),
        },
    ),
    "release": (
        1,
        {"picks": st.sets(st.integers(0, 10), min_size=1, max_size=3), "basket": st.none() | BASKETS},
    ),
    "replay": (1, {"pick": st.integers(0, 30), "basket": BASKETS}),
}
"""Verb of a walk -> its weight and what is drawn for it."""
STEPS = st.one_of(
    *(
        st.tuples(st.just(verb), st.fixed_dictionaries(drawn))
        for verb, (weight, drawn) in VERBS.items()
        for _ in range(weight)
    )
)


class Twin(Protocol):
    """Does what the model did, and compares. Of a settle the model says who may enter now, or None where it refuses."""

    def append(self, drafts: list[Draft], expected: list[Answer]) -> None: ...
    def claim(self, want: Want, slots: int, expected: list[Message]) -> None: ...
    def settle(self, says: list[Said], wishes: list[Wish], *, expected: set[str] | None) -> None: ...
    def intend(self, message: str, token: int, *, expected: bool) -> None: ...
    def renew(self, token: int, until: datetime) -> None: ...
    def enter(self, expected: int) -> None: ...
    def lose_patience(self, expected: int) -> None: ...
    def rescue(self, expected: int) -> None: ...
    def release(self, lanes: dict[str, tuple[str, ...] | None], expected: list[str]) -> None: ...
    def replay(self, message: str, lanes: tuple[str, ...], *, expected: bool) -> None: ...
    def compare(self, model: Model) -> None: ...
    def end(self) -> None: ...


class Alone:
    """No twin: whatever it is asked, it is content."""

    def __getattr__(self, verb: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Walk(RuleBasedStateMachine):
    """`steps`: how many, of all walks of this class."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.dice = Dice()
        self.model = Model(START, self.dice)
        self.twin = self.meet()
        self.held: list[tuple[str, int]] = []
        self.names = 0

    def meet(self) -> Twin:
        return Alone()

    def draft(self, draw: Draw) -> Draft:
        keys = list(self.model.bodies)
        again = draw.old is not None and keys and draw.kind != "shop.stock"
        self.names += not again
        name = keys[-1 - (draw.old or 0) % len(keys)] if again else f"k{self.names}"
        body = {"name": name, "say": int(bool(again and draw.changed))}
        if draw.kind == "shop.stock":
            due = None if draw.due is None else self.model.now + timedelta(seconds=draw.due)
            return state(f"stock{draw.ref % 2}", body=body, due_at=due)
        if draw.kind == "shop.order":
            return notice(name, str(draw.ref), body=body)
        ref = str(draw.ref) if draw.ref else None
        return effect(name, sorted(draw.basket), kind=draw.kind, order_ref=ref, body=body)

    def append(self, draws: list[Draw]) -> None:
        drafts = [self.draft(draw) for draw in draws]
        self.twin.append(drafts, self.model.append(drafts))

    def claim(self, want: Want, slots: int) -> None:
        destination = ERP if want.kind.startswith("erp") else SHOP
        taken = self.model.claim(want, destination, slots, LEASE)
        self.held += [(message.name, message.token or 0) for message in taken]
        self.twin.claim(want, slots, taken)

    def work(self, draws: list[Draw], picks: range, verdicts: Sequence[Verdict], seconds: int) -> None:
        """Something comes, whatever is ready is claimed, some of it is sent, and some answered."""
        self.model.now += timedelta(seconds=seconds)
        self.append(draws)
        self._enter(0)
        for want in WANTS:
            self.claim(want, 50)
        for pick in picks[::2]:
            self._intend(pick)
        self.settle(picks, verdicts, [], 0.5, None)

    def settle(
        self,
        picks: range,
        verdicts: Sequence[Verdict],
        draws: list[Draw],
        face: float,
        change: tuple[int, frozenset[str] | None, bool] | None,
    ) -> None:
        """Sometimes with a claim that was lost since."""
        if not self.held:
            return
        picked = dict(self.held[-1 - pick % len(self.held)] for pick in picks)
        drafts = tuple(self.draft(draw) for draw in draws)
        says = [
            Said(name, token, self.fitting(name, verdict), drafts if number == 0 else ())
            for number, ((name, token), verdict) in enumerate(zip(picked.items(), verdicts, strict=False))
        ]
        wishes = self.wishes(change, picked)
        self.dice.face = face
        before = self.able()
        try:
            settling.settle(self.model, says, wishes)
        except ModelMovedError:
            self.twin.settle(says, wishes, expected=None)
            self.held = [one for one in self.held if one not in picked.items() or len(picked) > 1]
            return
        self.held = [one for one in self.held if one not in picked.items()]
        self.twin.settle(says, wishes, expected=self.able() - before)

    def able(self) -> set[str]:
        return {message.name for message in self.model.open() if self.model.may_enter(message)}

    def fitting(self, name: str, verdict: Verdict) -> Verdict:
        """Only what is sent to the ERP can be in doubt, and only that has lanes to change."""
        effect_ = self.model.messages[name].draft.kind.startswith("erp")
        if not effect_ and isinstance(verdict, InDoubt):
            return APPLIED
        if not effect_ and isinstance(verdict, Snooze):
            return replace(verdict, lanes=None)
        return verdict

    def wishes(
        self, change: tuple[int, frozenset[str] | None, bool] | None, picked: dict[str, int]
    ) -> list[Wish]:
        kinds = ("erp.place", "erp.change")
        others = [m for m in self.model.messages.values() if m.draft.kind in kinds and m.name not in picked]
        if change is None or not others:
            return []
        place, basket, ends = change
        name = others[-1 - place % len(others)].name
        if ends:
            return [Wish(name, end=Done(Result.CANCELLED))]
        return [Wish(name, amend=None if basket is None else sku_lanes(basket))]

    def tend(self, verb: str, pick: int) -> None:
        getattr(self, f"_{verb}")(pick)

    def _enter(self, _: int) -> None:
        self.twin.enter(self.model.enter())

    def _wait(self, pick: int) -> None:
        """As long as a lease, whoever tends finds what it lost."""
        self.model.now += timedelta(seconds=(0, 1, 20, 91)[pick % 4])
        if pick % 4 == 3:
            self._rescue(pick)
        self._enter(pick)

    def _rescue(self, _: int) -> None:
        self.twin.rescue(self.model.rescue(DELAY))

    def _lose_patience(self, _: int) -> None:
        self.twin.lose_patience(settling.lose_patience(self.model))

    def _intend(self, pick: int) -> None:
        if not self.held:
            return
        name, token = self.held[-1 - pick % len(self.held)]
        message = self.model.messages[name]
        if message.draft.kind.startswith("erp") and not message.sent:
            self.twin.intend(name, token, expected=self.model.intend(message, token))

    def _renew(self, pick: int) -> None:
        if not self.held:
            return
        _, token = self.held[-1 - pick % len(self.held)]
        until = self.model.now + LEASE
        self.model.renew(token, until)
        self.twin.renew(token, until)

    def release(self, picks: set[int], basket: frozenset[str] | None) -> None:
        parked = sorted(self.model.of("parked"), key=lambda m: m.number)
        some = {parked[pick % len(parked)] for pick in picks} if parked else set()
        lanes = None if basket is None else sku_lanes(basket)
        given = {m.name: lanes if m.draft.kind.startswith("erp") else None for m in some}
        self.twin.release(given, settling.release(self.model, given))

    def replay(self, pick: int, basket: frozenset[str]) -> None:
        """Sometimes of what is open."""
        if not self.model.messages:
            return
        names = list(self.model.messages)
        name = names[-1 - pick % len(names)]
        effect_ = self.model.messages[name].draft.kind.startswith("erp")
        lanes = sku_lanes(basket) if effect_ else ()
        self.twin.replay(name, lanes, expected=settling.replay(self.model, name, lanes))

    @rule(do=STEPS)
    def step(self, do: tuple[str, dict[str, Any]]) -> None:
        """One rule for all: Hypothesis leaves out some rules of each walk, and without one of these little happens."""
        verb, given = do
        getattr(self, verb)(**given)

    @invariant()
    def promises_hold(self) -> None:
        type(self).steps += 1
        assert settling.faults(self.model) == [], settling.faults(self.model)
        self.twin.compare(self.model)

    def teardown(self) -> None:
        self.twin.end()
        assert settling.drain(self.model), self.model.lanes


def chosen_seed() -> int:
    """SLUICE_SEED repeats a run; else every run is another."""
    return int(os.environ.get("SLUICE_SEED") or time.time_ns() % 10**9)


def walk(machine: type[Walk], number: int, *, walks: int, steps: int, shrink: bool = True) -> int:
    """Answers how many steps were taken. `shrink`: a walk that fails is made shorter, which takes a while."""
    machine = seed(number)(type(f"{machine.__name__}{number}", (machine,), {"steps": 0}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=walks,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=False,
            report_multiple_bugs=False,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    return machine.steps
