"""What sage200.md leaves open (section 20), and what a company's settings decide; all under `sage200.`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.world import World

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        # tokens
        "access_lifetime_seconds": 28_800,
        "refresh_lifetime_seconds": 90 * 86_400,
        "refresh_reuse": "refuse",  # grace: the old one works for refresh_grace_seconds; revoke: its whole family dies
        "refresh_grace_seconds": 60,
        "invalid_grant_status": 400,  # or 403
        # the site
        "tunnel": "up",  # down: every call answers 504
        "sites_when_down": "504",  # or "empty"
        "forbidden": [],  # resources that answer 403
        "latency_seconds": 0,  # or [least, most]
        "concurrency_ceiling": 0,  # calls served at once, 0 = all; the others wait
        "late_commit_seconds": 0,  # every write becomes visible this long after its stamp
        "max_query_length": 0,  # characters, 0 = no limit; more is 400
        # lists
        "wrapped_lists": [],  # resources that answer {"value": [...]}
        "top_over_cap": "refuse",  # or "cap"
        "null_filters": True,
        "filter_spare_fields": True,
        "drafts_visible": "by_key",  # by_draft (only with is_draft or id), always, never
        "reply_includes_children": False,
        # settings and permissions
        "auto_generate_order_return_numbers": True,
        "are_prices_tax_inclusive": False,
        "allocate_stock_on_order_entry": True,
        "amend_nominal_codes": True,
        "update_stock_on_despatch": True,
        "override_prices_discounts": True,
        "override_credit_holds": False,
        # orders
        "tax_level": "line",  # or "document"
        "discounted_price_places": 2,  # or 5
        "negative_free_text": "accept",  # or "refuse"
        "insufficient_stock": "part",  # or "refuse", "negative"
        "allocation_when_off": "nothing",  # or "works"
        "price_needs_overridden_flag": True,  # without the flag a Standard line takes the list price
        "prices_without_permission": "refuse",  # or "list_price"
        "unknown_fields": "ignore",  # or "refuse": also read-only and misplaced ones
        "locked_status": 400,  # or 409, 423
        "put_without_lock_id": "refuse",  # or "accept", while another holder's API lock lives
        "api_lock_seconds": 600,
        "delete_live_order": "delete",  # or "cancel", "refuse"
        "ghost_draft_status": 504,
        "header_stamp_moves": True,  # when only lines change
        "holding_stamp_moves": True,  # when only allocations change
    }
)


def setting(world: World, name: str) -> Any:
    return world.switches[f"sage200.{name}"]
