"""GET: lists and single resources."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.sage200.despatch_resources import DESPATCH
from app.sandbox.sage200.filters import Filter, Row
from app.sandbox.sage200.queries import Query, arrange, parse_query, select_fields
from app.sandbox.sage200.refusal import Refused, invalid
from app.sandbox.sage200.resources import DIRECT, PREFIX, Resource, show
from app.sandbox.sage200.switches import DEFAULTS, setting
from app.sandbox.sage200.views import VIEWS
from app.sandbox.world import World

RESOURCES: Mapping[str, Resource] = MappingProxyType({**DIRECT, **VIEWS, **DESPATCH})
OVERLAID = frozenset({"sop_settings", "permissions"})
ASKS_DRAFTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "by_key": frozenset(
            {"is_draft", "id", "customer_document_no", *(f"spare_text_{n}" for n in range(1, 11))}
        ),
        "by_draft": frozenset({"is_draft", "id"}),
    }
)


def read_list(world: World, name: str, options: Mapping[str, str], **within: Any) -> Any:
    """`within`: fields of the documents that a nested path fixes (`/products/{id}/warehouse_holdings`)."""
    resource = find_resource(name)
    query = parse(world, resource, options, single=False)
    if query.metadata:
        return describe(resource, query)
    view = world.store.read()
    docs = seen(world, resource, query.filter, candidates(view, resource, query, within))
    rows = arrange(resource.rows(view, docs), query, resource.fields, resource.own)
    if resource.gather is not None:
        rows = resource.gather(rows, frozenset() if query.filter is None else query.filter.names)
    if query.count:
        return len(rows)
    page = rows[query.skip :][: capped(world, query)]
    shown = [present(view, resource, row, query) for row in page]
    if resource.only_one:
        return shown[0]
    return {"value": shown} if name in setting(world, "wrapped_lists") else shown


def describe(resource: Resource, query: Query) -> list[Doc]:
    """`$metadata`: names and types of the fields; with `true` of what can be expanded, too (sage200.md 6)."""
    fields = [{"name": name, "type": kind.kind} for name, kind in resource.fields.items()]
    return [
        *fields,
        *({"name": name, "type": "object"} for name in resource.expands if query.metadata == "true"),
    ]


def read_one(world: World, name: str, id_: str, options: Mapping[str, str]) -> Any:
    resource = find_resource(name)
    if not resource.by_id:
        raise Refused(404, "No resource answers this address.")
    view = world.store.read()
    doc = view.get(PREFIX + resource.entity, id_)
    if doc is None:
        raise Refused(404, f"No record with id {id_} exists in {name}.")
    if resource.entity in OVERLAID:
        doc = overlay(world, doc)
    query = parse(world, resource, options, single=True)
    return describe(resource, query) if query.metadata else present(view, resource, doc, query)


def find_resource(name: str) -> Resource:
    if name not in RESOURCES:
        raise Refused(404, "No resource answers this address.")
    return RESOURCES[name]


def parse(world: World, resource: Resource, options: Mapping[str, str], *, single: bool) -> Query:
    stored = {name: field for name, field in resource.fields.items() if name not in resource.derived}
    filters = stored if resource.filters is None else resource.filters
    query = parse_query(options, stored, filters, single=single, nulls=setting(world, "null_filters"))
    actions = ACTIONS if resource is RESOURCES["sop_orders"] else frozenset[str]()
    for path in query.expand:
        if path not in resource.expands and path not in (actions if single else actions - LOCKING):
            raise invalid(f"'{path}' cannot be expanded.")
    for path in query.select:
        check_path(resource, query, path)
    if query.filter is not None and not setting(world, "filter_spare_fields"):
        spare = next((name for name in query.filter.names if name.startswith("spare_")), None)
        if spare is not None:
            raise invalid(f"'{spare}' cannot be filtered on.")
    return query


LOCKING = frozenset({"is_to_lock"})
ACTIONS = LOCKING | {"available_document_discount"}


def check_path(resource: Resource, query: Query, path: str) -> None:
    """What is selected must exist and be there, also where no row is found."""
    name, dot, inner = path.partition(".")
    if name in resource.expands:
        if name not in query.expand:
            raise invalid(f"'{name}' must be expanded to be selected.")
        if dot and inner not in resource.expands[name].fields:
            raise invalid(f"Could not find a property named '{path}'.")
    elif dot or name not in resource.fields:
        raise invalid(f"Could not find a property named '{path}'.")


def present(view: View, resource: Resource, row: Row, query: Query) -> Doc:
    shown = show(resource.fields, row)
    shown.update({name: derive(view, row) for name, derive in resource.derived.items()})
    for path in query.expand:
        if path in resource.expands:
            shown[path] = resource.expands[path].find(view, row)
    return select_fields(shown, query.select)


def capped(world: World, query: Query) -> int:
    if query.top is not None:
        return query.top
    if setting(world, "top_over_cap") == "refuse":
        raise invalid("$top may be 5000 at most.")
    return 5000


def candidates(view: View, resource: Resource, query: Query, within: Mapping[str, Any]) -> Iterable[Doc]:
    """The documents that can match at all: by index where the filter pins fields to values."""
    entity = PREFIX + resource.entity
    equals = None if query.filter is None else query.filter.equals
    known = resource.fields if resource.project is None else resource.keys
    if within or equals is None or not {name for name, _ in equals} <= known.keys():
        return view.seek(entity, **within)
    stored = [(resource.keys.get(name, name), value) for name, value in equals]
    found = {doc["id"]: doc for name, value in stored for doc in view.seek(entity, **{name: value})}
    return found.values()


def seen(world: World, resource: Resource, filter_: Filter | None, docs: Iterable[Doc]) -> Iterable[Doc]:
    """Drafts stay out of lists of orders unless asked for (what asking means is a switch), sites out of reach behind a
    lost tunnel.
    """
    if resource.entity in OVERLAID:
        return [overlay(world, doc) for doc in docs]
    if resource.entity == "site" and setting(world, "tunnel") == "down":
        return ()
    if resource.entity != "sop_order":
        return docs
    mode = setting(world, "drafts_visible")
    if mode == "always" or (filter_ is not None and filter_.names & ASKS_DRAFTS.get(mode, frozenset())):
        return docs
    return (doc for doc in docs if not doc["is_draft"])


def overlay(world: World, doc: Doc) -> Doc:
    """Settings and permissions that are switches here."""
    return {**doc, **{name: setting(world, name) for name in doc if name in DEFAULTS}}


def show_saved(world: World, order: Doc) -> Doc:
    """What POST and PUT of an order answer."""
    resource = DIRECT["sop_orders"]
    children = ("lines", "delivery_address") if setting(world, "reply_includes_children") else ()
    return present(world.store.read(), resource, order, Query(expand=children))


NESTED: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("customers", "sop_orders"): "customer_id",
        ("customers", "customer_delivery_addresses"): "customer_id",
        ("products", "warehouse_holdings"): "product_id",
        ("warehouses", "warehouse_holdings"): "warehouse_id",
    }
)
