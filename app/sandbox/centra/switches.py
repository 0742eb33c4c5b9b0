"""What Centra's documents leave open, or its stores configure. The first value is the one in force unless set."""

from zoneinfo import available_timezones

from app.sandbox.centra.quota import PLANS
from app.sandbox.world import is_amount, one_of

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
    "centra.confirm_unknown_event": "pass",  # refuse: the whole call
    "centra.voucher_on_growth": "all",  # percent: amounts stay on the lines that they were given on
    "centra.set_stock_unknown": "error",  # warning
    "centra.set_stock_below_allocated": "clamp",  # error
    # the payment provider
    "centra.psp": "instant",  # deferred: a request first; method: as the order's payment plugin does
    "centra.psp_settle_seconds": 0.0,  # until a deferred capture settles; 0: by a deed only
    "centra.psp_failures": 0,  # so many captures of every order fail at first
    "centra.requested_capture": "unpaid",  # paid: a shipment may leave before its capture settles
    "centra.failed_capture": "own_type",  # status: the type of one that succeeds
    "centra.capture_reference": "auth",  # own: each capture has one of its own
    "centra.capture_sign": "positive",  # negative
    # shipments
    "centra.locked_order": "ships",  # refuses
    "centra.beyond_allocation": "refuse",  # allow
    "centra.mail_on_create": "shipped",  # always
    "centra.shipment_moves_order": True,
    "centra.shipment_order_event": "UPDATED",  # DEPENDENT_DATA_CHANGED
    "centra.shipment_completed_action": "update",  # complete
    "centra.shipment_deleted_webhook": True,
    "centra.shipment_webhook_id": "shipment",  # order
    # webhooks
    "centra.webhook_retry_t": "fresh",  # old
    "centra.webhook_retry_seconds": 10.0,
    "centra.webhook_reorder_seconds": 2.0,
    "centra.truncate_signs": "whole",  # cut
    "centra.early_seconds": 2.0,
}
FITS = {
    "centra.zone": lambda value: value in available_timezones(),
    "centra.plan": one_of(*PLANS),
    "centra.bad_token_status": one_of(401, 200),
    "centra.permission_status": one_of(200, 403),
    "centra.retry_after": one_of("epoch", "http-date", "delta"),
    "centra.held_orders": one_of("visible", "hidden"),
    "centra.bundle_prices": one_of("split", "parent"),
    "centra.including_tax": one_of("listed", "computed"),
    "centra.gift_line": one_of("ProductOrderLine", "GiftCertificateOrderLine"),
    "centra.confirm_unknown_event": one_of("pass", "refuse"),
    "centra.voucher_on_growth": one_of("all", "percent"),
    "centra.set_stock_unknown": one_of("error", "warning"),
    "centra.set_stock_below_allocated": one_of("clamp", "error"),
    "centra.psp": one_of("instant", "deferred", "method"),
    "centra.psp_failures": lambda value: isinstance(value, int) and is_amount(value),
    "centra.requested_capture": one_of("unpaid", "paid"),
    "centra.failed_capture": one_of("own_type", "status"),
    "centra.capture_reference": one_of("auth", "own"),
    "centra.capture_sign": one_of("positive", "negative"),
    "centra.locked_order": one_of("ships", "refuses"),
    "centra.beyond_allocation": one_of("refuse", "allow"),
    "centra.mail_on_create": one_of("shipped", "always"),
    "centra.shipment_order_event": one_of("UPDATED", "DEPENDENT_DATA_CHANGED"),
    "centra.shipment_completed_action": one_of("update", "complete"),
    "centra.shipment_webhook_id": one_of("shipment", "order"),
    "centra.webhook_retry_t": one_of("fresh", "old"),
    "centra.truncate_signs": one_of("whole", "cut"),
}
