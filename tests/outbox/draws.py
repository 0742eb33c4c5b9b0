"""What a walk draws: messages, answers, and a face of the dice."""

import random
from dataclasses import dataclass
from itertools import combinations

from hypothesis import strategies as st

from app.domain.lanes import sku_lanes
from app.domain.message import Done, InDoubt, Park, Result, Retry, Sick, Snooze, Verdict, Violation
from tests.outbox.engine import APPLIED

UNMAPPED = (Violation("E-CARRIER-UNMAPPED", "courier", "Owl", "map it"),)
WAITS = (0.0, 5.0, 40.0)
SETS = tuple(frozenset(some) for size in range(4) for some in combinations("ABCDE", size))
BASKETS = st.sampled_from(SETS)
VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(
    [
        *[APPLIED] * 12,
        *[Done(Result.NO_EFFECT)] * 3,
        *(Retry("500", wait, blind=blind) for wait in (*WAITS, None) for blind in (True, False)),
        *(Snooze("closed", wait, aside=aside) for wait in WAITS for aside in (True, False)),
        *(Snooze("grown", wait, lanes=sku_lanes(some)) for wait in WAITS for some in ("", "A", "BC")),
        *(Sick("refused", counts=counts) for counts in (True, False)),
        *(Park(UNMAPPED, there) for there in (None, True, False)),
        *[InDoubt("read timeout", wait) for wait in WAITS] * 3,
        *[InDoubt("absent", 0.0, resend=True)] * 2,
    ]
)


@dataclass(frozen=True)
class Draw:
    """`due`: of a state. `old`: which key is taken again, and `changed`: under another body."""

    kind: str
    due: float | None
    basket: frozenset[str]
    ref: int
    old: int | None
    changed: bool


KINDS: tuple[tuple[str, float | None], ...] = (
    *[("erp.place", None)] * 6,
    *[("erp.change", None)] * 3,
    *[("shop.order", None)] * 3,
    *(("shop.stock", due) for due in (None, *WAITS)),
)
OLD = ((None, False),) * 24 + tuple((place, changed) for place in range(4) for changed in (True, False))
DRAWS = st.lists(
    st.builds(
        lambda kind, basket, ref, old: Draw(kind[0], kind[1], basket, ref, old[0], old[1]),
        st.sampled_from(KINDS),
        BASKETS,
        st.integers(0, 6),
        st.sampled_from(OLD),
    ),
    min_size=1,
    max_size=4,
)
# The newest claim is 0; a stretch of them is settled together.
PICKS = st.sampled_from([range(first, first + count) for first in range(12) for count in (1, 2, 4)])
ANSWERS = st.tuples(VERDICTS, VERDICTS, VERDICTS, VERDICTS)
FACES = st.sampled_from([0.0, 0.5, 0.99])


class Dice(random.Random):
    """Shows the same face until it is turned, so that nobody's jitter depends on who asked first."""

    face = 0.5

    def random(self) -> float:
        return self.face
