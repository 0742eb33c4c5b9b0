"""Six token buckets that every integration of the brand drinks from (three measures, two windows)."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

MEASURES = ("REQUEST_COUNT", "MUTATION_COUNT", "QUERY_COMPLEXITY")
WINDOWS = {"TEN_SECONDS": 10, "ONE_HOUR": 3600}
PLANS: dict[str, tuple[tuple[int, int], ...]] = {
    "growth": ((60, 5_000), (20, 1_800), (250_000, 30_000_000)),
    "enhanced": ((150, 20_000), (50, 4_500), (900_000, 90_000_000)),
    "high_volume": ((450, 40_000), (150, 7_000), (1_800_000, 180_000_000)),
    "enterprise": ((1_500, 85_000), (500, 25_000), (4_000_000, 400_000_000)),
}


class Bucket:
    """Refills evenly; a restart of the sandbox finds it full."""

    def __init__(self, quota: int, seconds: int, now: datetime) -> None:
        self.quota = quota
        self.seconds = seconds
        self._used = 0.0
        self._at = now

    def used(self, now: datetime) -> float:
        passed = max((now - self._at).total_seconds(), 0)
        self._used = max(self._used - passed * self.quota / self.seconds, 0)
        self._at = now
        return self._used

    def take(self, amount: int, now: datetime) -> None:
        self._used = min(self.used(now) + amount, self.quota)

    def wait(self, amount: int, now: datetime) -> float:
        """Seconds until `amount` fits; 0 when it does."""
        return max((self.used(now) + min(amount, self.quota) - self.quota) * self.seconds / self.quota, 0)


class Quota:
    def __init__(self, plan: str, now: datetime) -> None:
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self.choose(plan, now)

    def choose(self, plan: str, now: datetime) -> None:
        """Raises KeyError for a plan that Centra does not sell."""
        figures = PLANS[plan]
        self._buckets = {
            (measure, window): Bucket(quota, seconds, now)
            for measure, quotas in zip(MEASURES, figures, strict=True)
            for (window, seconds), quota in zip(WINDOWS.items(), quotas, strict=True)
        }

    def take(self, costs: Mapping[str, int], now: datetime) -> datetime | None:
        """Takes all or nothing; when something is short, the moment at which it will not be."""
        waits = [bucket.wait(costs.get(name, 0), now) for (name, _), bucket in self._buckets.items()]
        if max(waits) > 0:
            return datetime.fromtimestamp(math.ceil(now.timestamp() + max(waits)), UTC)
        self.burn(costs, now)
        return None

    def burn(self, costs: Mapping[str, int], now: datetime) -> None:
        """What somebody else's integration did: takes, down to empty."""
        for (name, _), bucket in self._buckets.items():
            bucket.take(costs.get(name, 0), now)

    def show(self, now: datetime) -> list[dict[str, object]]:
        shown: list[dict[str, object]] = []
        for (measure, window), bucket in self._buckets.items():
            used = math.ceil(bucket.used(now))
            limits = {"quota": bucket.quota, "usedQuota": used, "remainingQuota": bucket.quota - used}
            shown.append({"type": measure, "interval": window, "intervalSeconds": bucket.seconds, **limits})
        return shown


def write_retry_after(resume: datetime, now: datetime, form: str) -> str:
    """Centra says "a timestamp" and not which: `epoch`, `http-date`, or `delta` seconds."""
    if form == "http-date":
        return resume.strftime("%a, %d %b %Y %H:%M:%S GMT")
    seconds = resume.timestamp()
    return str(math.ceil(seconds - now.timestamp()) if form == "delta" else math.ceil(seconds))
