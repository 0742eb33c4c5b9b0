"""Lane keys. A code is normalised once, here: two spellings would be two lanes, and the race would be back."""

import unicodedata
from collections.abc import Iterable


def normalise(code: str) -> str:
    """One spelling for a code: NFC, trimmed, inner white space collapsed, upper case."""
    return unicodedata.normalize("NFC", " ".join(unicodedata.normalize("NFC", code).upper().split()))


def order_lane(connection: str, ref: str) -> str:
    """`order:<connection>/<ref>`; a connection name cannot hold a slash."""
    return f"order:{connection}/{ref}"


def sku_lane(code: str) -> str:
    return f"sku:{normalise(code)}"


def sku_lanes(codes: Iterable[str]) -> tuple[str, ...]:
    """The distinct lanes of these codes, sorted: the one lock order."""
    return tuple(sorted({sku_lane(code) for code in codes}))


def state_lane(coalesce_key: str) -> str:
    return f"state:{coalesce_key}"
