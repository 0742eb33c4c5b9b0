"""Lane keys. A code is normalised once, here: two spellings would be two lanes, and the race would be back."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable

LONGEST_CODE = 200
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # valid in JSON, no text to Postgres


def normalise(code: str) -> str:
    """One spelling for a code: NFC, trimmed, inner white space collapsed, upper case (folded first: a capital sharp s
    is no other letter than the small one).
    """
    upper = unicodedata.normalize("NFC", code).casefold().upper()
    return unicodedata.normalize("NFC", " ".join(upper.split()))


def sku_key(code: str) -> str:
    """Normalised; what no index or text column of Postgres could hold, by its digest."""
    return _fit(normalise(code))


def order_lane(connection: str, ref: str) -> str:
    """`order:<connection>/<ref>`; a connection name cannot hold a slash."""
    return f"order:{connection}/{ref}"


def sku_lane(code: str) -> str:
    return f"sku:{sku_key(code)}"


def sku_lanes(codes: Iterable[str]) -> tuple[str, ...]:
    """The distinct lanes of these codes, sorted: the one lock order."""
    return tuple(sorted({sku_lane(code) for code in codes}))


def state_lane(coalesce_key: str) -> str:
    return f"state:{coalesce_key}"


def _fit(text: str) -> str:
    if len(text) <= LONGEST_CODE and not UNSTORABLE.search(text):
        return text
    return f"#{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
