"""What sage200.md leaves open (section 20), and what a company's settings decide; all under `sage200.`."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from app.sandbox.world import Fits, World, is_amount, one_of

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
        "amend_header_analysis_codes": True,
        "periods_open_from": "",  # a day; orders dated before it are refused
        "update_stock_on_despatch": True,  # False: when the invoice is posted
        "record_tracking_on_despatch": True,
        "record_cancelled_order_lines": True,
        "default_free_text_confirm_intent_type": "ConfirmOnDespatch",  # or "Confirm", "NoConfirmation"
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
        "locked_text": "{record} is locked by user '{user}'. Try again later.",  # of another release or language
        "put_without_lock_id": "refuse",  # or "accept", while another holder's API lock lives
        "api_lock_seconds": 600,
        "delete_live_order": "delete",  # or "cancel", "refuse"
        "ghost_draft_status": 504,
        "header_stamp_moves": True,  # when only lines change
        "holding_stamp_moves": True,  # when only allocations change
        # despatch
        "despatch_of_locked": "refuse",  # wait: until the lock goes, or 504 at the server's time-out
        "header_stamp_moves_at_despatch": True,
        "line_stamp_moves_with_tracking": False,  # of the note's lines, when its tracking is changed
        "allocated_after_despatch": "falls",  # stays: `allocated_quantity` goes on counting what was despatched
        "tracking_when_off": "ignore",  # or "refuse"
        "cancelled_line_when_off": "ignore",  # or "refuse"
        "despatch_to_customer_on_hold": "accept",  # or "refuse"
        "notes_follow_courier_name": True,  # a renamed courier is renamed on the notes there are
    }
)


def is_day(value: Any) -> bool:
    return value == "" or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) is not None)


FITS: Mapping[str, Fits] = MappingProxyType(
    {
        "refresh_reuse": one_of("refuse", "grace", "revoke"),
        "invalid_grant_status": one_of(400, 403),
        "tunnel": one_of("up", "down"),
        "sites_when_down": one_of("504", "empty"),
        "latency_seconds": lambda value: is_amount(value) or is_range(value),
        "top_over_cap": one_of("refuse", "cap"),
        "drafts_visible": one_of("by_key", "by_draft", "always", "never"),
        "periods_open_from": is_day,
        "tax_level": one_of("line", "document"),
        "discounted_price_places": one_of(2, 5),
        "negative_free_text": one_of("accept", "refuse"),
        "insufficient_stock": one_of("part", "refuse", "negative"),
        "allocation_when_off": one_of("nothing", "works"),
        "prices_without_permission": one_of("refuse", "list_price"),
        "unknown_fields": one_of("ignore", "refuse"),
        "locked_status": one_of(400, 409, 423),
        "put_without_lock_id": one_of("refuse", "accept"),
        "delete_live_order": one_of("delete", "cancel", "refuse"),
        "default_free_text_confirm_intent_type": one_of("ConfirmOnDespatch", "Confirm", "NoConfirmation"),
        "despatch_of_locked": one_of("refuse", "wait"),
        "allocated_after_despatch": one_of("falls", "stays"),
        "tracking_when_off": one_of("ignore", "refuse"),
        "cancelled_line_when_off": one_of("ignore", "refuse"),
        "despatch_to_customer_on_hold": one_of("accept", "refuse"),
        "ghost_draft_status": one_of(400, 500, 502, 503, 504),
    }
)


def is_range(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_amount, value))


def setting(world: World, name: str) -> Any:
    return world.switches[f"sage200.{name}"]
