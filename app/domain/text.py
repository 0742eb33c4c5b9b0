"""Names and addresses into the ERP's fields: wrapped on words, never cut (R-35, sage200.md 9.1)."""

import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from app.domain.erp import Delivery
from app.domain.message import Owner, Violation
from app.domain.order import Address

WIDTH = 60
ROWS = 4
CONTACT = 235


class Field(NamedTuple):
    name: str
    text: str
    room: int


def measure(text: str) -> int:
    """Length as the ERP's database counts it: UTF-16 units, so most emoji count twice."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def tidy(text: str) -> str:
    """One line: control characters and runs of white space become one space; everything else stays."""
    return " ".join("".join(" " if unicodedata.category(char) == "Cc" else char for char in text).split())


def wrap(text: str, width: int) -> tuple[str, ...] | None:
    """Rows of whole words; None when a single word is wider than a row."""
    rows: list[str] = []
    for word in tidy(text).split(" "):
        if measure(word) > width:
            return None
        if rows and measure(f"{rows[-1]} {word}") <= width:
            rows[-1] += f" {word}"
        elif word:
            rows.append(word)
    return tuple(rows)


def fit_delivery(address: Address, charset: str = "utf-8") -> tuple[Delivery, tuple[Violation, ...]]:
    """The delivery as the ERP takes it and all that does not fit. `charset`: a codec.

    Violations hold the field's name and lengths, never its text.
    """
    name = tidy(address.name) or tidy(address.company)
    rows = _rows(address)
    found = tuple(_complaints(address, charset))
    named, *written = rows or ("",)
    delivery = Delivery(
        name=named,
        lines=tuple(written),
        city=tidy(address.city),
        county=tidy(address.region),
        postcode=tidy(address.postcode).upper(),
        country=address.country,
        contact=name if measure(name) <= CONTACT else named,
        phone=_fit_phone(address.phone),
        email=tidy(address.email),
    )
    return delivery, found


def _rows(address: Address) -> tuple[str, ...] | None:
    """The name's first row, then at most four more; None when they do not fit."""
    company = address.company if tidy(address.name) else ""
    named = wrap(address.name if tidy(address.name) else address.company, WIDTH)
    if named is None:
        return None
    lead, rest = named[:1] or ("",), named[1:]
    texts = [tidy(text) for text in (*rest, company, *address.lines) if tidy(text)]
    apart = [wrap(text, WIDTH) for text in texts]
    rows = [row for wrapped in apart if wrapped for row in wrapped]
    if None not in apart and len(rows) <= ROWS:
        return (*lead, *rows)
    together = wrap(", ".join(texts), WIDTH)
    return (*lead, *together) if together is not None and len(together) <= ROWS else None


def _complaints(address: Address, charset: str) -> Iterator[Violation]:
    if _rows(address) is None:
        texts = (address.name, address.company, *address.lines)
        length = sum(measure(tidy(text)) for text in texts)
        yield _too_long("delivery.lines", length, f"a name and {ROWS} lines of {WIDTH}, on whole words")
    fields = (
        Field("delivery.city", tidy(address.city), WIDTH),
        Field("delivery.region", tidy(address.region), WIDTH),
        Field("delivery.postcode", tidy(address.postcode), 10),
        Field("delivery.country", address.country, WIDTH),
        Field("delivery.phone", _fit_phone(address.phone), 30),
        Field("delivery.email", tidy(address.email), 255),
    )
    for field in fields:
        if measure(field.text) > field.room:
            yield _too_long(field.name, measure(field.text), str(field.room))
    lines = Field("delivery.lines", " ".join((address.name, address.company, *address.lines)), 0)
    yield from (_foreign(field.name, charset) for field in (lines, *fields) if _is_foreign(field, charset))


def _fit_phone(phone: str) -> str:
    """Without its spaces where they would make it too long."""
    whole = tidy(phone)
    return whole if measure(whole) <= 30 else whole.replace(" ", "")


def _is_foreign(field: Field, charset: str) -> bool:
    try:
        field.text.encode(charset)
    except UnicodeEncodeError:
        return True
    return False


def _too_long(field: str, length: int, room: str) -> Violation:
    return Violation(
        code="E-ADDRESS-LENGTH",
        field=field,
        value=f"{length} characters",
        fix=f"shorten it in the channel; the ERP has room for {room}",
        owner=Owner.CX,
    )


def _foreign(field: str, charset: str) -> Violation:
    return Violation(
        code="E-ADDRESS-CHARSET",
        field=field,
        value=f"not in {charset}",
        fix="write it in the company's letters in the channel",
        owner=Owner.CX,
    )
