"""What a refusal of the ERP means, and the phrases by which people say it (R-54). Pure."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from app.domain.row import ANY, Row, Text

LETTERS_LEAST = 4


class Kind(StrEnum):
    """What is done about it: locked, tried again soon · invalid and auth, a person must act · transient, tried again by
    the backoff · unknown, looked for in the ERP and then shown to a person.
    """

    LOCKED = "locked"
    INVALID = "invalid"
    TRANSIENT = "transient"
    AUTH = "auth"
    UNKNOWN = "unknown"


class Cause(StrEnum):
    """As people name it in the table `phrases`; finer than its kind."""

    LOCKED = "locked"
    ACCOUNT = "account"
    PRODUCT = "product"
    STOCK = "stock"
    PERIOD = "period"
    PERMISSION = "permission"
    PASSING = "passing"
    MISSING = "missing"
    INVALID = "invalid"
    UNKNOWN = "unknown"

    @property
    def kind(self) -> Kind:
        match self:
            case Cause.LOCKED:
                return Kind.LOCKED
            case Cause.PASSING:
                return Kind.TRANSIENT
            case Cause.PERMISSION:
                return Kind.AUTH
            case Cause.UNKNOWN:
                return Kind.UNKNOWN
        return Kind.INVALID


class PhraseRow(Row):
    """Words that the ERP says, and what they mean. `*` stands for anything between them; case and spaces do not count.
    No regular expression: none can be written that takes for ever.
    """

    phrase: Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200)]
    cause: Cause
    note: Text = ""

    @property
    def key(self) -> str:
        """Two spellings are one row."""
        return fold(self.phrase)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if max(sum(map(str.isalnum, piece)) for piece in self.phrase.split(ANY)) < LETTERS_LEAST:
            raise ValueError(f"needs {LETTERS_LEAST} letters in a row, or it would fit too much")
        return self


Phrases = Callable[[], Awaitable[Sequence[PhraseRow]]]
"""The rows of now, the longest first: the most particular one decides."""


def fold(text: str) -> str:
    return " ".join(text.casefold().split())


def says(phrase: str, text: str) -> bool:
    """Whether the pieces of the phrase stand in the text, in their order."""
    rest = fold(text)
    for piece in fold(phrase).split(ANY):
        _, found, rest = rest.partition(piece.strip()) if piece.strip() else ("", ANY, rest)
        if not found:
            return False
    return True
