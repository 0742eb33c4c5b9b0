"""What shoppers put together: baskets of SKUs, drawn by seed."""

import itertools
import random
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass

LINES = (1, 2, 3, 4)
SHARES = (0.55, 0.25, 0.15, 0.05)  # 1.7 lines on average, 45 % of the orders have several
ON_SALE = "SALE"


@dataclass(frozen=True, slots=True)
class Mix:
    """`skew`: exponent of Zipf's law over `skus`; 0 is uniform. `sale`: share of orders that want the one SKU on sale."""

    name: str
    skew: float
    skus: int = 5_000
    sale: float = 0.0


# At this skew one parked order for the best seller would block 53 % of the next 1,000 orders, if it held its lanes for ever.
TYPICAL = Mix("zipf 0.93", 0.93)


def draw(mix: Mix, count: int, rng: random.Random) -> list[tuple[str, ...]]:
    """Baskets of distinct SKUs."""
    heap = list(itertools.accumulate(rank**-mix.skew for rank in range(1, mix.skus + 1)))
    return [_basket(mix, heap, rng) for _ in range(count)]


def _basket(mix: Mix, heap: Sequence[float], rng: random.Random) -> tuple[str, ...]:
    (lines,) = rng.choices(LINES, SHARES)
    chosen = [ON_SALE] if rng.random() < mix.sale else []
    while len(chosen) < lines:
        sku = f"SKU{bisect(heap, rng.random() * heap[-1]):05}"
        if sku not in chosen:
            chosen.append(sku)
    return tuple(chosen)
