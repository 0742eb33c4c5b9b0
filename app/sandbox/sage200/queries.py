"""The query options of a list or a single read (sage200.md 6)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from app.sandbox.sage200.fields import Fields
from app.sandbox.sage200.filters import Filter, Row, parse_filter
from app.sandbox.sage200.refusal import invalid

DEFAULT_TOP = 500
MOST_TOP = 5000
KNOWN = frozenset({"$select", "$filter", "$orderby", "$top", "$skip", "$expand", "$count", "$metadata"})
SINGLE = frozenset({"$select", "$expand", "$metadata"})


@dataclass(frozen=True, slots=True)
class Query:
    """`order`: (field, descending). `top` None = the caller asked for more than the cap."""

    filter: Filter | None = None
    order: tuple[tuple[str, bool], ...] = ()
    select: tuple[str, ...] = ()
    expand: tuple[str, ...] = ()
    top: int | None = DEFAULT_TOP
    skip: int = 0
    count: bool = False
    metadata: str = ""


def parse_query(
    options: Mapping[str, str],
    fields: Fields,
    filters: Fields,
    *,
    single: bool = False,
    nulls: bool = True,
) -> Query:
    """`fields` can be ordered by, `filters` filtered on."""
    for name in options:
        if name.startswith("$") and name not in (SINGLE if single else KNOWN):
            raise invalid(f"The query option {name} is not supported here.")
        if name.startswith("$") and not options[name].strip():
            raise invalid(f"The query option {name} is empty.")
    if "$skip" in options and "$orderby" not in options:
        raise invalid("$skip needs $orderby.")
    top = whole("$top", options.get("$top", str(DEFAULT_TOP)))
    text = options.get("$filter")
    return Query(
        filter=None if text is None else parse_filter(text, filters, nulls=nulls),
        order=parse_order(options["$orderby"], fields) if "$orderby" in options else (),
        select=split(options.get("$select", "")),
        expand=split(options.get("$expand", "")),
        top=top if top <= MOST_TOP else None,
        skip=whole("$skip", options.get("$skip", "0")),
        count=flag("$count", options) == "true",
        metadata=flag("$metadata", options),
    )


def parse_order(text: str, fields: Fields) -> tuple[tuple[str, bool], ...]:
    order: list[tuple[str, bool]] = []
    for part in split(text):
        name, *direction = part.split()
        if name not in fields or direction not in ([], ["asc"], ["desc"]):
            raise invalid(f"Cannot order by '{part}'.")
        order.append((name, direction == ["desc"]))
    return tuple(order)


def whole(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise invalid(f"{name} must be a whole number.")
    return int(text)


def flag(name: str, options: Mapping[str, str]) -> str:
    text = options.get(name, "")
    if text not in {"", "true", "false"}:
        raise invalid(f"{name} must be true or false.")
    return text


def split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def arrange(
    rows: Iterable[Row], query: Query, fields: Fields, own: tuple[tuple[str, bool], ...] = ()
) -> list[Row]:
    """Filtered rows in the asked order, without `$skip` and `$top`; the resource's `own` order is by id if it has no
    other.
    """
    test = None if query.filter is None else query.filter.test
    kept = list(rows) if test is None else [row for row in rows if test(row)]
    by_id = (("id", False),) if "id" in fields else ()
    for name, descending in reversed(query.order or own or by_id):
        field = fields[name]
        kept.sort(key=lambda row: sortable(field.comparable(row.get(name))), reverse=descending)
    return kept


def sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def select_fields(shown: dict[str, Any], select: tuple[str, ...]) -> dict[str, Any]:
    """Keeps the selected fields, checked before; `customer.name` keeps one field of an expanded child, `customer` all
    of it.
    """
    if not select:
        return shown
    kept: dict[str, Any] = {}
    for path in select:
        name, _, inner = path.partition(".")
        kept[name] = narrow(kept.get(name), shown[name], inner) if inner else shown[name]
    return kept


def narrow(kept: Any, child: Any, name: str) -> Any:
    if child is None:
        return None
    if isinstance(child, list):
        return [narrow(kept[place] if kept else None, each, name) for place, each in enumerate(child)]
    return {**(kept or {}), name: child[name]}
