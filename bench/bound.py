"""What no scheduler can beat, given the order in which messages entered their lanes. Times in units of one request."""

import heapq
from collections.abc import Iterable, Sequence

Lanes = Sequence[Iterable[str]]
"""The lanes of each message, in ticket order."""


def critical_path(messages: Lanes) -> int:
    """Requests in the longest chain of messages of which each must wait for the one before."""
    depth: dict[str, int] = {}
    for lanes in messages:
        held = set(lanes)
        mine = 1 + max((depth.get(lane, 0) for lane in held), default=0)
        depth.update(dict.fromkeys(held, mine))
    return max(depth.values(), default=1 if messages else 0)


def lower_bound(messages: Lanes, slots: int) -> float:
    return max(critical_path(messages), len(messages) / slots)


def greedy(messages: Lanes, slots: int) -> float:
    """What a loop needs that loses no time at all: what is free goes at once, the oldest first. Between this and the
    bound lies the choice of who goes first; between this and a measurement, the loop.
    """
    after, waits = _edges(messages)
    free = [number for number, count in enumerate(waits) if not count]
    flying: list[tuple[float, int]] = []
    now = 0.0
    while free or flying:
        while free and len(flying) < slots:
            heapq.heappush(flying, (now + 1, heapq.heappop(free)))
        now, done = heapq.heappop(flying)
        for number in after[done]:
            waits[number] -= 1
            if not waits[number]:
                heapq.heappush(free, number)
    return now


def _edges(messages: Lanes) -> tuple[list[list[int]], list[int]]:
    """For each message those that wait for it directly, and for how many it waits."""
    after: list[list[int]] = [[] for _ in messages]
    waits = [0] * len(messages)
    tail: dict[str, int] = {}
    for number, lanes in enumerate(messages):
        held = set(lanes)
        before = {tail[lane] for lane in held if lane in tail}
        waits[number] = len(before)
        for other in before:
            after[other].append(number)
        tail.update(dict.fromkeys(held, number))
    return after, waits
