"""What a refusal means (R-54). Sage documents one status, 400, and no texts (sage200.md 5, 20), so the corpus below
is ours. What people say in the table `phrases` goes before it, and before what the status says. Pure.
"""

import re
from collections.abc import Iterable

import simplejson

from app.domain.refusals import Cause, PhraseRow, says

LONGEST_TEXT = 400
LONGEST_READ = 8_000  # before the patterns below, which are slow on long nonsense
LONGEST_JSON = 1_000_000

LOCKED_PHRASES = (
    r"\block(?:ed)? by\b",
    r"^(?!.*\bperiod\b).*\bis (?:currently )?locked\b",  # a locked period stays so
    r"\brecord (?:is |has been )?locked\b",
    r"\b(?:currently |already )?(?:in use|being used|being edited|being amended|opened?) by\b",
    r"^(?!.*\bnumber\b).*\bis (?:currently |already )?in use\b",  # a number in use is a clash, not a lock
    r"\b(?:could not|cannot|unable to|failed to) (?:obtain|acquire|get|take|place)? ?(?:a |an |the )?(?:exclusive )?lock\b",
    r"\block (?:request|time-?out)",
)


# The first that matches wins: a sentence about a held customer may also say that something "is not valid".
_CORPUS: tuple[tuple[Cause, str], ...] = (
    (
        Cause.PASSING,
        (
            r"deadlock|time-?out (?:period )?(?:has )?(?:expired|elapsed)|transport-level|try again|temporarily|"
            r"connection.{0,60}(?:lost|closed|reset)|too busy"
        ),
    ),
    (Cause.ACCOUNT, r"\bon (?:hold|stop)\b|credit (?:limit|hold|check)|over (?:its|their|the) limit"),
    (
        Cause.PERMISSION,
        r"permission|not authori[sz]ed|access (?:is )?denied|not allowed to (?:override|change|amend)",
    ),
    (
        Cause.PERIOD,
        r"period.{0,40}(?:closed|not open|locked)|(?:closed|not open).{0,40}period|financial year",
    ),
    (
        Cause.PRODUCT,
        r"(?:product|stock item|item).{0,80}(?:inactive|not active|superseded|not (?:be )?(?:sold|allowed on))",
    ),
    (Cause.STOCK, r"(?:insufficient|not enough|no free) (?:free )?stock|stock level|cannot be allocated"),
    (
        Cause.MISSING,
        r"(?:could not|cannot|can't|was not|not) be found|not found|does not exist|do not exist|no such",
    ),
    (
        Cause.INVALID,
        (
            r"\b(?:required|mandatory|invalid|not valid|too long|maximum length|exceeds?|out of range|"
            r"must (?:be|have|not|contain)|cannot be (?:null|empty|blank|negative))|nullfield"
        ),
    ),
)


def cause(
    status: int, text: str, locked: Iterable[str] = LOCKED_PHRASES, phrases: Iterable[PhraseRow] = ()
) -> Cause:
    """409 and 423 are documented nowhere, and can mean nothing else. `phrases`: the first that fits decides."""
    told = next((row.cause for row in phrases if says(row.phrase, text)), None)
    if told is not None:
        return told
    if status in {409, 423} or any(_says(phrase, text) for phrase in locked):
        return Cause.LOCKED
    return next((kind for kind, phrase in _CORPUS if _says(phrase, text)), Cause.UNKNOWN)


def message(body: bytes) -> str:
    """The words for a person in an error body: `Message`, `message`, the raw text, or what an HTML page says.
    E-mail addresses are blotted out: the words end up in logs and cases.
    """
    text = body[:LONGEST_READ].decode("utf-8", "replace").strip()
    try:
        parsed = simplejson.loads(body, use_decimal=True) if len(body) < LONGEST_JSON else None
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict):
        found = (parsed.get(name) for name in ("Message", "message", "error_description", "error"))
        text = next((value for value in found if isinstance(value, str) and value), text)
    elif isinstance(parsed, str):
        text = parsed
    text = text[:LONGEST_READ]
    if text.startswith("<"):
        text = re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    return re.sub(r"\S+@\S+", "…", " ".join(text.split()))[:LONGEST_TEXT]


def redact(text: str, private: Iterable[str]) -> str:
    """The text without the shopper's data that we sent."""
    for value in sorted(private, key=len, reverse=True):
        if len(value) > 2:
            text = re.sub(re.escape(value), "…", text, flags=re.IGNORECASE)
    return text


def _says(phrase: str, text: str) -> bool:
    return re.search(phrase, text, re.IGNORECASE | re.DOTALL) is not None
