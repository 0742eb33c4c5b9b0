"""What happened in the shops and who tells of it, as a pure function of the seed: every process knows the same world."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

SOURCES = ("uk", "eu", "us", "jp")
CHANNELS = ("webhook", "queue", "sweep")
TIMES = (1, 1, 2, 3, 4, 6)
"""How often one notice is delivered."""
BLOCK = 500
"""Orders whose deliveries are mixed with one another."""


@dataclass(frozen=True, slots=True)
class Fact:
    """`number` 0 places the order, each that follows changes it."""

    source: str
    ref: str
    number: int
    skus: tuple[str, ...]

    @property
    def key(self) -> str:
        return f"erp/{self.source}/{self.ref}/{self.number}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notice on its way, carried by one of the processes."""

    fact: Fact
    channel: str
    process: int

    @property
    def key(self) -> str:
        return f"{self.channel}/{self.fact.source}/{self.fact.ref}/{self.fact.number}"


@dataclass(frozen=True, slots=True)
class World:
    """`orders`: how many; SKUs are as many as let each lane hold some tens of messages."""

    seed: int
    orders: int
    processes: int

    def order(self, place: int) -> tuple[Fact, ...]:
        """All facts of one order, oldest first."""
        rng = random.Random(f"order {self.seed} {place}")
        source = SOURCES[place % len(SOURCES)]
        count = rng.choice((1, 1, 1, 1, 1, 2, 2, 3))
        return tuple(Fact(source, str(place), number, self._basket(rng)) for number in range(count))

    def _basket(self, rng: random.Random) -> tuple[str, ...]:
        skus = max(200, self.orders // 8)
        picked = (
            rng.randrange(skus // 10) if rng.random() < 0.2 else rng.randrange(skus)
            for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 5)))
        )
        return tuple({f"S{number}": None for number in picked})

    def facts(self, blocks: int | None = None) -> Iterator[Fact]:
        """Of all orders, or of the first blocks."""
        for place in range(self.orders if blocks is None else min(self.orders, blocks * BLOCK)):
            yield from self.order(place)

    def block(self, number: int) -> list[Delivery]:
        """Every fact is told by one channel at least, and most by several, again and again."""
        rng = random.Random(f"block {self.seed} {number}")
        found = []
        for place in range(number * BLOCK, min(self.orders, (number + 1) * BLOCK)):
            for fact in self.order(place):
                for channel in rng.sample(CHANNELS, rng.choice((1, 2, 3, 3))):
                    times = rng.choice(TIMES)
                    found += [Delivery(fact, channel, rng.randrange(self.processes)) for _ in range(times)]
        return found

    def blocks(self) -> range:
        return range(-(-self.orders // BLOCK))


def world_of(seed: int, deliveries: int, processes: int) -> World:
    """At least so many deliveries, and whole blocks of orders."""
    a_block = len(World(seed, BLOCK, processes).block(0))
    orders = (
        BLOCK * max(1, round(deliveries / a_block * 1.02))
        if deliveries > a_block
        else round(BLOCK * deliveries / a_block * 1.05)
    )
    return World(seed, max(orders, 8), processes)
