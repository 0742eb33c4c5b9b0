"""Finding records by code, in batches, remembered for a while."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from app.connectors.sage200.client import Client
from app.connectors.sage200.odata import any_of, equals
from app.connectors.sage200.payloads import Record, read
from app.connectors.sage200.settings import Sage200Settings

MISS = timedelta(seconds=3)  # an operator creates the product, then presses "try again"
MOST_KEPT = 100_000
LONGEST_ASKED = (
    60  # of a barcode, the longest of them (sage200.md 9.7); a longer one would only make the URL too long
)

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """`field`: the code's. `key`: one spelling of a code, theirs and ours alike."""

    path: str
    field: str
    model: type[R]
    select: str
    key: Callable[[str], str]
    code_of: Callable[[R], str]


class Finder(Generic[R]):
    def __init__(
        self, kind: Kind[R], client: Client, settings: Sage200Settings, now: Callable[[], datetime]
    ) -> None:
        self._kind = kind
        self._client = client
        self._settings = settings
        self._now = now
        self._kept: dict[str, tuple[datetime, tuple[R, ...]]] = {}

    async def find(self, codes: Iterable[str]) -> Mapping[str, tuple[R, ...]]:
        """Key -> records that carry the code; a code that Sage does not know is left out."""
        spelled = {code: self._kind.key(code) for code in codes if 0 < len(code.strip()) <= LONGEST_ASKED}
        now = self._now()
        missing = {code: key for code, key in spelled.items() if not self._fresh(key, now)}
        if missing:
            await self._fetch(missing)
        return {
            key: self._kept[key][1] for key in spelled.values() if key in self._kept and self._kept[key][1]
        }

    def forget(self, codes: Iterable[str]) -> None:
        for code in codes:
            self._kept.pop(self._kind.key(code), None)

    def _fresh(self, key: str, now: datetime) -> bool:
        """What is kept for longer than anything is was kept before the clock went back."""
        most = timedelta(seconds=self._settings.lookup_ttl_seconds)
        return key in self._kept and now < self._kept[key][0] <= now + most

    async def _fetch(self, missing: Mapping[str, str]) -> None:
        kind = self._kind
        both = sorted({*missing, *missing.values()})  # Sage may mind the case of a code, or not
        found: defaultdict[str, dict[int, R]] = defaultdict(dict)
        for wanted in any_of((equals(kind.field, code) for code in both), self._settings.filter_terms):
            rows = await self._client.rows(kind.path, {"filter": wanted, "select": kind.select})
            for row in read(kind.model, rows):
                found[kind.key(kind.code_of(row))][row.id] = row
        now = self._now()
        hit = timedelta(seconds=self._settings.lookup_ttl_seconds)
        if len(self._kept) + len(missing) > MOST_KEPT:
            self._kept.clear()
        for key in missing.values():
            rows_of = tuple(found[key].values()) if key in found else ()
            self._kept[key] = (now + (hit if rows_of else min(hit, MISS)), rows_of)
