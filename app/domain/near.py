"""Codes that look like one that nobody knows: shown to a person, never taken (R-17, R-18). Pure."""

from collections.abc import Iterable

from rapidfuzz import fuzz, process

from app.domain.lanes import normalise

MOST = 5
ALIKE = 60.0
"""Per cent of the letters, in their order."""


def near(code: str, codes: Iterable[str]) -> tuple[str, ...]:
    """The nearest first."""
    spelt = {one: normalise(one) for one in codes}
    found = process.extract(normalise(code), spelt, scorer=fuzz.ratio, limit=MOST, score_cutoff=ALIKE)
    return tuple(one for _, _, one in found)
