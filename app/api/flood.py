"""A token bucket per client address. Only answers to the unauthenticated draw from it."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    tokens: float
    at: float


class Flood:
    """`burst` answers at once, `rate` a second after that, for each of the `addresses` seen last."""

    def __init__(self, *, burst: float = 60.0, rate: float = 5.0, addresses: int = 10_000) -> None:
        self._burst = burst
        self._rate = rate
        self._addresses = addresses
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def wait(self, address: str, now: float) -> float:
        """Draws one; returns 0, or the seconds until there is one again. `now`: monotonic seconds."""
        bucket = self._buckets.setdefault(address, Bucket(self._burst, now))
        self._buckets.move_to_end(address)
        if len(self._buckets) > self._addresses:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        if bucket.tokens < 1.0:
            return (1.0 - bucket.tokens) / self._rate
        bucket.tokens -= 1.0
        return 0.0

    def __len__(self) -> int:
        return len(self._buckets)
