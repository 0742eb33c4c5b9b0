"""What virtualstock.md leaves open (sections 12 and 13); all under `virtualstock.`. The first value is in force unless set."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.world import Fits, World, one_of

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        # login
        "access_lifetime_seconds": 300,
        "refresh_lifetime_seconds": 14_400,
        "basic_auth": True,  # False: the day on which it is retired
        # limits
        "requests_per_minute": 250,  # 150 was told to some
        "throttle_window": "fixed",  # sliding
        "retry_after": True,
        # lists
        "page_size": 10,
        "page_size_most": 100,
        "order_sort": "oldest",  # newest
        "next_slash": True,  # False: "/orders?limit=…" as in the samples
        "window_hours": 0,  # 73: lists show what changed so long after `chg_days` ago (2), or was created after `ord_days`
        # bodies
        "extra_fields": True,  # a field that nobody announced, now and then
        "status_runs_ahead": False,  # the order shows its most advanced line
        "returns_run_ahead": False,  # a return is listed, and its order still shows the line as dispatched
        "success": "200_empty",  # 200_json, 201
        "error_body": "text",  # json_string, list, detail
        # actions
        "repeat_action": 400,  # 200
        "atomic_actions": True,
        "backorder_from_new": False,
        "dispatch_unacknowledged": False,
        "part_dispatch": "stays",  # dispatch: the line is DISPATCH at once, and more may follow
        "unknown_carrier": "refuse",  # accept
        "unique_supplier_reference": False,
        "return_acknowledged": "RMA_AUTHORISED",  # RMA_ACK
        # products
        "publishing_seconds": 120,  # how long a product stays locked once it is
        "stock_echo": False,
        # pushes
        "push_orders": False,  # our own extension: Virtualstock tells suppliers nothing
        "push_retry_seconds": [5, 30, 300, 3600],
    }
)

FITS: Mapping[str, Fits] = MappingProxyType(
    {
        "throttle_window": one_of("fixed", "sliding"),
        "order_sort": one_of("oldest", "newest"),
        "success": one_of("200_empty", "200_json", "201"),
        "error_body": one_of("text", "json_string", "list", "detail"),
        "repeat_action": one_of(400, 200),
        "part_dispatch": one_of("stays", "dispatch"),
        "unknown_carrier": one_of("refuse", "accept"),
        "return_acknowledged": one_of("RMA_AUTHORISED", "RMA_ACK"),
        "requests_per_minute": lambda value: isinstance(value, int) and value > 0,
        "page_size": lambda value: isinstance(value, int) and value > 0,
        "page_size_most": lambda value: isinstance(value, int) and value > 0,
    }
)


def setting(world: World, name: str) -> Any:
    return world.switches[f"virtualstock.{name}"]
