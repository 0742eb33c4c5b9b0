"""Shape of what a caller writes: types, lengths, scales, dates, nulls (sage200.md 5, 8, 9). The first error ends it."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc
from app.sandbox.sage200.fields import ENUMS, Field, Fields
from app.sandbox.sage200.refusal import invalid

MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?(Z|[+-]\d\d:\d\d)?")
WHOLE = 2**63
JSON_KINDS: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {"int": (int,), "dec": (int, Decimal), "bool": (bool,), "any": (object,)}
)


def check_object(body: Any, fields: Fields, *, strict: bool, also: frozenset[str] = frozenset()) -> Doc:
    """The writable fields of `body` as we store them. Unknown and read-only ones are dropped, or refused if `strict`;
    a read-only one must be of its kind even so. `also`: names handled elsewhere (children).
    """
    if not isinstance(body, dict):
        raise invalid("A JSON object is needed.")
    kept: Doc = {}
    for name, value in body.items():
        if name in also:
            continue
        field = fields.get(name)
        if field is None or field.read_only:
            if strict:
                raise invalid(f"The property '{name}' cannot be written.")
            if field is not None:
                check_kind(name, value, field)
            continue
        kept[name] = check_value(name, value, field)
    return kept


def check_value(name: str, value: Any, field: Field) -> Any:
    if value is None:
        raise invalid(f"The property '{name}' must not be null.")
    return CHECKS[field.kind](name, value, field)


def check_kind(name: str, value: Any, field: Field) -> None:
    """What reading the JSON into a record demands of every field, also of one that is then ignored."""
    if value is None:
        raise invalid(f"The property '{name}' must not be null.")
    wanted = JSON_KINDS.get(field.kind, (str,))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise invalid(f"The property '{name}' is of the wrong type.")


def check_text(name: str, value: Any, field: Field) -> str:
    """Characters are UTF-16 units, as .NET counts them."""
    if not isinstance(value, str):
        raise invalid(f"The property '{name}' must be a text.")
    if len(value.encode("utf-16-le", "surrogatepass")) // 2 > field.size:
        raise invalid(f"The property '{name}' may have {field.size} characters at most.")
    return value


def check_whole(name: str, value: Any, _: Field) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -WHOLE <= value < WHOLE:
        raise invalid(f"The property '{name}' must be a whole number.")
    return value


def check_decimal(name: str, value: Any, field: Field) -> str:
    """Bodies are parsed with Decimal, so nothing here was ever a float."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        raise invalid(f"The property '{name}' must be a number.")
    exact = Decimal(value)
    if exact.copy_abs() >= Decimal(10) ** 13:
        raise invalid(f"The property '{name}' is too large.")
    scaled = exact.quantize(Decimal(1).scaleb(-field.size))
    if scaled != exact:
        raise invalid(f"The property '{name}' may have {field.size} decimal places at most.")
    return str(scaled)


def check_flag(name: str, value: Any, _: Field) -> bool:
    if not isinstance(value, bool):
        raise invalid(f"The property '{name}' must be true or false.")
    return value


def check_enum(name: str, value: Any, field: Field) -> str:
    if value not in ENUMS[field.enum]:
        raise invalid(f"'{value}' is no value of the property '{name}'.")
    return str(value)


def check_moment(name: str, value: Any, field: Field) -> str:
    """A date needs its time of day; a document date keeps the day as written, a stamp is kept in UTC."""
    match = MOMENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or not is_real(match[1] + (match[3] or "")):
        raise invalid(f"The property '{name}' must be a date with a time.")
    if field.kind == "date":
        return f"{match[1][:10]}T00:00:00"
    offset = "+00:00" if match[3] in {None, "Z"} else match[3]
    moment = datetime.fromisoformat(match[1] + offset).astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat() + (match[2] or "")


def is_real(moment: str) -> bool:
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True


CHECKS: Mapping[str, Callable[[str, Any, Field], Any]] = MappingProxyType(
    {
        "str": check_text,
        "int": check_whole,
        "dec": check_decimal,
        "bool": check_flag,
        "enum": check_enum,
        "date": check_moment,
        "stamp": check_moment,
    }
)


def need(doc: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if doc.get(name) in {None, ""}:
            raise invalid(f"The property '{name}' is required.")


def as_list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(f"The property '{name}' must be a list.")
    return value
