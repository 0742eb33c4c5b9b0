"""Shoppers change their minds: at lunch while Sage is shut, in the evening about what stands there already. Pure."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from app.demo.shoppers import Shop
from app.demo.steps import Amend, Place, Seen, Stand, Step, Tell

Doc = dict[str, Any]
EDITED, CANCELLED = 0.12, 0.06
LATE = 5
"""Orders that change after Sage has them: one for each kind of edit, and a cancellation."""


def second_thoughts(shop: Shop, lunch: Sequence[Place], size: int) -> Iterator[Step]:
    """Nothing of these orders can have been sent: Sage was shut before they were placed."""
    plain = _plain(lunch)
    edited = plain[: math.ceil(size * EDITED)]
    cancelled = plain[len(edited) :][: math.ceil(size * CANCELLED)]
    yield Seen(tuple(one.name for one in (*edited, *cancelled)))
    for place, one in enumerate(edited):
        yield Amend(one.name, "edit", _edit(shop, one, place))
    for one in cancelled:
        yield Amend(one.name, "cancel")
    yield Seen(tuple(one.name for one in lunch))


def late_thoughts(shop: Shop, late: Sequence[Place]) -> Iterator[Step]:
    """Of these nothing has left the warehouse yet."""
    several = [one for one in _plain(late) if len(one.wish["lines"]) > 1][:LATE]
    yield Tell("Shoppers change their minds about what Sage has already")
    yield from (Stand(one.name) for one in several)
    yield from (Amend(one.name, "cancel") for one in several[:1])
    for place, one in enumerate(several[1:]):
        yield Amend(one.name, "edit", _edit(shop, one, place))


def _plain(places: Sequence[Place]) -> list[Place]:
    return [one for one in places if not any("bundle" in line for line in one.wish["lines"])]


def _edit(shop: Shop, one: Place, turn: int) -> Doc:
    lines = one.wish["lines"]
    first = lines[0]["sku"]
    more = {"lines": [{"sku": first, "quantity": lines[0]["quantity"] + 1}]}
    # Centra leaves an amount off on the lines that it was given on, and does not tell which: with two VAT rates, an
    # order that grows afterwards is one for finance to settle.
    given = any("amount" in voucher for voucher in one.wish.get("vouchers", ()))
    match 3 if given else turn % 4:
        case 0:
            return more
        case 1:
            return {"lines": [{"sku": first, "quantity": 0}]} if len(lines) > 1 else more
        case 2:
            held = {line["sku"] for line in lines}
            fresh = next(two for two in shop.pick(len(held) + 1) if two["sku"] not in held)
            return {"add": [{"sku": fresh["sku"], "quantity": 1}]}
        case _:
            return {"address": {"address1": "7 Harbour View"}, "shipping": "0"}
