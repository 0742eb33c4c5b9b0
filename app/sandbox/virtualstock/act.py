"""What a supplier does to lines: the state machine and its checks (virtualstock.md 5.2, 6.4, 13)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from app.sandbox.mirror import Doc, View
from app.sandbox.virtualstock.check import Sent, check_fields
from app.sandbox.virtualstock.place import refresh_status
from app.sandbox.virtualstock.refusal import Refused, invalid
from app.sandbox.virtualstock.retailers import CARRIER, Retailer
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World


@dataclass(frozen=True, slots=True)
class Action:
    """`sources`: statuses it starts from; `open` tells how many units of a line it may still touch."""

    name: str
    target: str
    sources: frozenset[str]
    open: Callable[[Doc], int]


def _undone(line: Doc) -> int:
    return int(line["quantity"] - line["dispatched"] - line["cancelled"])


def _asked(line: Doc) -> int:
    return int(line["cancel_asked"])


def _returning(line: Doc) -> int:
    return int(line["dispatched"])


ACTIONS: Mapping[str, Action] = MappingProxyType(
    {
        one.name: one
        for one in (
            Action("acknowledge", "ORDER_ACK", frozenset({"ORDER"}), _undone),
            Action("backorder", "BACKORDER", frozenset({"ORDER_ACK", "BACKORDER"}), _undone),
            Action("dispatch", "DISPATCH", frozenset({"ORDER_ACK", "BACKORDER", "CANCEL"}), _undone),
            Action("cancel_acknowledge", "CANCEL_ACK", frozenset({"CANCEL"}), _asked),
            Action("return_acknowledge", "RMA_AUTHORISED", frozenset({"RMA"}), _returning),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Deed:
    """One call: what is done, to which order, under which retailer's rules. `most`: lines after which it breaks off."""

    world: World
    view: View
    action: Action
    order: Doc
    retailer: Retailer
    most: int | None = None


def act(deed: Deed, body: Any) -> Refused | None:
    """Changes the order; answers the refusal that stopped it part way, where the vendor is not atomic. Raises Refused
    for a call that changed nothing.
    """
    items = body.get("items") if isinstance(body, dict) else None
    if not isinstance(items, list) or not items:
        raise Refused(400, {"items": ["This field is required."]})
    done: list[tuple[Doc, Sent]] = []
    stopped = None
    for item in items[: deed.most]:
        try:
            done.append(_prepare(deed, item, done))
        except Refused as refused:
            if setting(deed.world, "atomic_actions") or not done:
                raise
            stopped = refused
            break
    if deed.most is None:
        _check_whole(deed, done)
    for line, sent in done:
        _apply(deed, line, sent)
    refresh_status(deed.order)
    return stopped


def _prepare(deed: Deed, item: Any, done: Sequence[tuple[Doc, Sent]]) -> tuple[Doc, Sent]:
    sent = check_fields(deed.action.name, item, deed.retailer)
    line = next((one for one in deed.order["lines"] if _is_meant(one, sent)), None)
    if line is None:
        raise invalid(f"Validation error: Item with part number {sent.part_number} not found in order")
    earlier = sum(one.quantity for other, one in done if other is line)
    _check_state(deed, line)
    most = deed.action.open(line) - earlier
    if sent.quantity > most and not _is_repeat(deed, line):
        raise invalid(
            f"Validation error: {deed.action.name.capitalize()} quantity value {sent.quantity} is bigger than allowed for item"
        )
    if sent.carrier and not _carries(deed, sent.carrier):
        raise invalid(f"Validation error: Carrier {sent.carrier} is not recognised")
    return line, sent


def _is_meant(line: Doc, sent: Sent) -> bool:
    return bool(line["line_reference"] == sent.line_ref and line["part_number"] == sent.part_number)


def _check_state(deed: Deed, line: Doc) -> None:
    if line["status"] in _sources(deed, line) or _is_repeat(deed, line):
        return
    raise invalid(
        f"Validation Not allowed to change state of item {line['line_reference']} from {line['status']} to {deed.action.target}"
    )


def _sources(deed: Deed, line: Doc) -> set[str]:
    sources = set(deed.action.sources)
    if deed.action.name == "backorder" and setting(deed.world, "backorder_from_new"):
        sources.add("ORDER")
    if deed.action.name == "dispatch" and setting(deed.world, "dispatch_unacknowledged"):
        sources.add("ORDER")
    if (
        deed.action.name == "dispatch"
        and setting(deed.world, "part_dispatch") == "dispatch"
        and _undone(line)
    ):
        sources.add("DISPATCH")
    return sources


def _is_repeat(deed: Deed, line: Doc) -> bool:
    """A call that would change nothing: refused, or waved through."""
    waved = setting(deed.world, "repeat_action") == 200
    return waved and line["status"] == _target(deed) and line["status"] not in _sources(deed, line)


def _target(deed: Deed) -> str:
    if deed.action.name == "return_acknowledge":
        return str(setting(deed.world, "return_acknowledged"))
    return deed.action.target


def _carries(deed: Deed, slug: str) -> bool:
    if setting(deed.world, "unknown_carrier") == "accept":
        return True
    allowed = deed.retailer.carriers
    return deed.view.get(CARRIER, slug) is not None and (not allowed or slug in allowed)


def _check_whole(deed: Deed, done: Sequence[tuple[Doc, Sent]]) -> None:
    """Rules about the call as a whole: all or nothing, and a reference of one's own."""
    if deed.action.name == "dispatch" and not deed.retailer.part_dispatch:
        told = {id(line): 0 for line, _ in done}
        for line, sent in done:
            told[id(line)] += sent.quantity
        if any(told.get(id(line), 0) < _undone(line) for line in deed.order["lines"]):
            raise invalid("Validation error: Partial dispatch not allowed")
    if deed.action.name == "cancel_acknowledge" and not deed.retailer.part_cancel:
        for line, sent in done:
            if sent.quantity < line["cancel_asked"]:
                raise invalid(
                    f"Validation error: Partial cancellation not allowed item {line['line_reference']}"
                )


def _apply(deed: Deed, line: Doc, sent: Sent) -> None:
    if _is_repeat(deed, line):
        return
    line["sent"].append({"action": deed.action.name, **sent.told})
    line["status"] = _target(deed)
    if deed.action.name == "dispatch":
        line["dispatched"] += sent.quantity
        if _undone(line) and setting(deed.world, "part_dispatch") == "stays":
            line["status"] = "ORDER_ACK"
    if deed.action.name == "cancel_acknowledge":
        line["cancelled"] += sent.quantity
        line["cancel_asked"] = 0
        if _undone(line):
            line["status"] = "DISPATCH" if line["dispatched"] else "ORDER_ACK"
