"""What a walk draws: messages, answers, and a face of the dice."""

import random
from dataclasses import dataclass

from hypothesis import strategies as st

from app.domain.lanes import sku_lanes
from app.domain.message import Done, InDoubt, Park, Result, Retry, Sick, Snooze, Verdict, Violation
from tests.outbox.engine import APPLIED

UNMAPPED = (Violation("E-CARRIER-UNMAPPED", "courier", "Owl", "map it"),)
BASKETS = st.sets(st.sampled_from("ABCDE"), max_size=3)
WAITS = st.sampled_from([0.0, 5.0, 40.0])
VERDICTS: st.SearchStrategy[Verdict] = st.one_of(
    st.just(APPLIED),
    st.just(APPLIED),
    st.just(Done(Result.NO_EFFECT)),
    st.builds(Retry, st.just("500"), st.none() | WAITS, st.booleans()),
    st.builds(Snooze, st.just("closed"), WAITS, st.booleans()),
    st.builds(Snooze, st.just("grown"), WAITS, st.just(value=False), BASKETS.map(sku_lanes)),
    st.builds(Sick, st.just("refused"), st.none(), st.booleans()),
    st.builds(Park, st.just(UNMAPPED), st.sampled_from([None, True, False])),
    st.builds(InDoubt, st.just("read timeout"), WAITS, st.booleans()),
)


@dataclass(frozen=True)
class Draw:
    """`old`: whose key is taken again, and `changed`: under another body."""

    kind: str
    basket: frozenset[str]
    ref: int
    old: int
    changed: bool
    due: float | None


DRAWS = st.lists(
    st.builds(
        Draw,
        st.sampled_from(["erp.place", "erp.place", "erp.change", "shop.order", "shop.stock"]),
        BASKETS.map(frozenset),
        st.integers(0, 6),
        st.integers(0, 60),
        st.booleans(),
        st.none() | WAITS,
    ),
    min_size=1,
    max_size=4,
)


PICKS = st.lists(st.integers(0, 30), min_size=1, max_size=4)
ANSWERS = st.lists(VERDICTS, min_size=4, max_size=4)
FACES = st.sampled_from([0.0, 0.5, 0.99])


class Dice(random.Random):
    """Shows the same face until it is turned, so that nobody's jitter depends on who asked first."""

    face = 0.5

    def random(self) -> float:
        return self.face
