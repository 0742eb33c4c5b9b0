"""Lists: filters, offset pages that shift, and links to a host of their own (virtualstock.md 4)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from app.sandbox.mirror import Doc, View
from app.sandbox.virtualstock.place import ORDER, naive
from app.sandbox.virtualstock.present import show_order
from app.sandbox.virtualstock.refusal import Refused
from app.sandbox.virtualstock.switches import setting
from app.sandbox.world import World

IGNORED = frozenset({"format", "sort", "limit", "offset"})
ORDER_FILTERS = frozenset({"supplier_id", "retailer_id", "order_reference", "part_number", "status"})
HIDE_SECONDS = 5.0
DEFAULT_DAYS = 2


def list_orders(world: World, request: Request, account: Doc) -> Doc:
    view = world.store.read()
    wish = {name: value for name, value in request.query_params.items() if name in ORDER_FILTERS}
    orders = [order for order in _candidates(view, account, wish) if _fits(order, wish, account)]
    now, window = world.clock.now(), None if "order_reference" in wish else _window(world, request)
    orders = [order for order in orders if _is_listed(order, now, window)]
    orders.sort(key=lambda order: order["id"], reverse=setting(world, "order_sort") == "newest")
    return page(world, request, orders, lambda order: show_order(world, view, order, whole=False))


def _candidates(view: View, account: Doc, wish: Mapping[str, str]) -> Sequence[Doc]:
    by = (
        {"order_reference": wish["order_reference"]}
        if "order_reference" in wish
        else {"account": account["username"]}
    )
    if "order_reference" not in wish and "status" in wish:
        by = {"status": wish["status"]}
    return [order for order in view.seek(ORDER, **by) if order["account"] == account["username"]]


def _fits(order: Doc, wish: Mapping[str, str], account: Doc) -> bool:
    parts = {line["part_number"] for line in order["lines"]}
    return (
        wish.get("status", order["status"]) == order["status"]
        and wish.get("retailer_id", str(order["retailer"])) == str(order["retailer"])
        and wish.get("supplier_id", str(account["orders_id"])) == str(account["orders_id"])
        and ("part_number" not in wish or wish["part_number"] in parts)
    )


def _window(world: World, request: Request) -> tuple[str, str, str] | None:
    """v3's rule, where it is switched on: the field that decides, and between which moments it must lie."""
    hours = setting(world, "window_hours")
    if not hours:
        return None
    created = "ord_days" in request.query_params and "chg_days" not in request.query_params
    days = _whole(request, "ord_days" if created else "chg_days", DEFAULT_DAYS)
    start = world.clock.now() - timedelta(days=days)
    return "order_date" if created else "changed_at", naive(start), naive(start + timedelta(hours=hours))


def _is_listed(order: Doc, now: datetime, window: tuple[str, str, str] | None) -> bool:
    if order["hidden_until"] > now.isoformat():
        return False
    return window is None or window[1] <= order[window[0]] <= window[2]


def hide_first(world: World, order_ids: Sequence[int], seconds: float | None, now: datetime) -> None:
    """The list shrinks between two pages: the first of this one leaves it for a while."""
    until = now + timedelta(seconds=HIDE_SECONDS if seconds is None else seconds)
    for number in order_ids[:1]:
        order = world.store.read().get(ORDER, number)
        if order is not None:
            world.store.save(ORDER, str(number), {**order, "hidden_until": until.isoformat()})


def page(
    world: World, request: Request, docs: Sequence[Doc], show: Callable[[Doc], Doc], size: int | None = None
) -> Doc:
    """`size`: without `limit`. Raises Refused for figures that are none."""
    limit = min(
        _whole(request, "limit", size or setting(world, "page_size")) or 1, setting(world, "page_size_most")
    )
    offset = _whole(request, "offset", 0)
    return {
        "count": len(docs),
        "next": _link(world, request, limit, offset + limit) if offset + limit < len(docs) else None,
        "previous": _link(world, request, limit, max(offset - limit, 0)) if offset else None,
        "results": [show(doc) for doc in docs[offset : offset + limit]],
    }


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, {name: ["A valid integer is required."]})
    return int(text)


def _link(world: World, request: Request, limit: int, offset: int) -> str:
    kept: dict[str, Any] = {
        name: value for name, value in request.query_params.items() if name not in IGNORED
    }
    path = request.url.path if setting(world, "next_slash") else request.url.path.rstrip("/")
    place = {"limit": limit, **({"offset": offset} if offset else {})}
    return f"{request.url.scheme}://{request.url.netloc}{path}?{urlencode({**kept, **place})}"
