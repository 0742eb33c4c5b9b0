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
    metadata: bool = False


def parse_query(
    options: Mapping[str, str], fields: Fields, *, single: bool = False, nulls: bool = True
) -> Query:
    for name in options:
        if name.startswith("$") and name not in (SINGLE if single else KNOWN):
            raise invalid(f"The query option {name} is not supported here.")
    if "$skip" in options and "$orderby" not in options:
        raise invalid("$skip needs $orderby.")
    top = whole("$top", options.get("$top", str(DEFAULT_TOP)))
    text = options.get("$filter")
    return Query(
        filter=None if text is None else parse_filter(text, fields, nulls=nulls),
        order=parse_order(options["$orderby"], fields) if "$orderby" in options else (),
        select=split(options.get("$select", "")),
        expand=split(options.get("$expand", "")),
        top=top if top <= MOST_TOP else None,
        skip=whole("$skip", options.get("$skip", "0")),
        count=options.get("$count") == "true",
        metadata="$metadata" in options,
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
    if not text.isascii() or not text.isdigit():
        raise invalid(f"{name} must be a whole number.")
    return int(text)


def split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def arrange(rows: Iterable[Row], query: Query, fields: Fields) -> list[Row]:
    """Filtered rows in the asked order, without `$skip` and `$top`; the resource's own order is by id."""
    test = None if query.filter is None else query.filter.test
    kept = list(rows) if test is None else [row for row in rows if test(row)]
    own = (("id", False),) if "id" in fields else ()
    for name, descending in reversed(query.order or own):
        field = fields[name]
        kept.sort(key=lambda row: sortable(field.comparable(row.get(name))), reverse=descending)
    return kept


def sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, 0 if value is None else value)


def select_fields(shown: dict[str, Any], select: tuple[str, ...], fields: Fields) -> dict[str, Any]:
    """Keeps the selected fields; `customer.name` keeps one field of an expanded child, `customer` all of it."""
    if not select:
        return shown
    kept: dict[str, Any] = {}
    for path in select:
        name, _, inner = path.partition(".")
        if name not in shown:
            if name not in fields and not inner:
                raise invalid(f"Could not find a property named '{path}'.")
            raise invalid(f"'{name}' must be expanded to be selected.")
        kept[name] = narrow(kept.get(name), shown[name], inner, path) if inner else shown[name]
    return kept


def narrow(kept: Any, child: Any, name: str, path: str) -> Any:
    if child is None:
        return None
    if isinstance(child, list):
        return [narrow(kept[place] if kept else None, each, name, path) for place, each in enumerate(child)]
    if name not in child:
        raise invalid(f"Could not find a property named '{path}'.")
    return {**(kept or {}), name: child[name]}
