"""What Centra's documents leave open, or its stores configure. The first value is the one in force unless set."""

DEFAULTS = {
    # the instance
    "centra.zone": "Europe/Stockholm",
    "centra.app_version": "v1.60.0",
    "centra.plan": "growth",  # enhanced, high_volume, enterprise
    "centra.autoconfirm": False,
    "centra.direct_to_shipment": False,
    "centra.events_enabled": True,
    # answers that no document shows
    "centra.bad_token_status": 401,  # 200
    "centra.permission_status": 200,  # 403
    "centra.retry_after": "epoch",  # http-date, delta
    "centra.held_orders": "visible",  # hidden
    "centra.bundle_prices": "split",  # parent
    "centra.including_tax": "listed",  # computed
    "centra.gift_line": "ProductOrderLine",  # GiftCertificateOrderLine
    "centra.set_stock_unknown": "error",  # warning
    "centra.set_stock_below_allocated": "clamp",  # error
    # webhooks
    "centra.webhook_retry_t": "fresh",  # old
    "centra.webhook_retry_seconds": 10.0,
    "centra.webhook_reorder_seconds": 2.0,
    "centra.truncate_signs": "whole",  # cut
    "centra.early_seconds": 2.0,
}
