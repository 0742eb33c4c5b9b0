"""Orders at the edge of what a shop can sell, and webhooks at the edge of what bytes can be."""

import hashlib
import hmac
import json
import time
from decimal import Decimal
from urllib.parse import quote_from_bytes

import pytest

from tests.stories.town import ADDRESS, SECRET, gross


@pytest.mark.requirement("R-66")
async def test_orders_of_odd_money_reach_sage_to_the_penny(town):
    wishes = (
        {"vouchers": [{"percent": 100}]},
        {"vouchers": [{"percent": 100}], "shipping": "4.95"},
        {"vouchers": [{"free_shipping": True}], "shipping": "4.95"},
        {"handling": "2.50", "shipping": "3.33", "vouchers": [{"amount": "1.01"}]},
        {"tax": "deducted", "country": "US", "address": {**ADDRESS, "country": "US"}},
    )
    for wish in wishes:
        order = await town.place(*town.skus[:3], **wish)
        (document,) = await town.posted(order)
        assert gross(document) == Decimal(order["figures"]["grand_total"])


@pytest.mark.requirement("R-62")
async def test_an_order_of_five_hundred_lines_is_one_document(town):
    lines = [{"sku": town.articles[n % len(town.articles)]["sku"], "quantity": 1 + n % 3} for n in range(500)]
    order = await town.place(lines=lines)
    (document,) = await town.posted(order)
    assert gross(document) == Decimal(order["figures"]["grand_total"])
    assert len(document["lines"]) >= 500


NAMES = (
    ("Maximiliana Theodora Wilhelmina Alexandrina", "von und zu Hohenlohe-Waldenburg-Schillingsfuerst"),
    ("Zoë 🧥", "O'Brien & Søn"),
    ("שרה", "כהן-לוי"),
)


@pytest.mark.requirement("R-35")
async def test_a_strange_name_is_never_cut_silently(town):
    """It stands whole in Sage, over two lines if it must."""
    for first, last in NAMES:
        order = await town.place(address={**ADDRESS, "firstName": first, "lastName": last})
        (document,) = await town.posted(order)
        told = json.dumps(document["delivery_address"], ensure_ascii=False)
        assert [word for word in f"{first} {last}".split() if word not in told] == []


def deliver(payload: str) -> dict:
    body = b"payload=" + quote_from_bytes(payload.encode("utf-8", "surrogatepass")).encode()
    moment = str(int(time.time()))
    mac = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "x-centra-signature": f"t={moment},v1={mac}",
        "content-type": "application/x-www-form-urlencoded",
    }
    return {"content": body, "headers": headers}


STRANGE = ("a\\u0000b", "a\\ud800b", "\\udcff", "🧥", "x" * 5000)


@pytest.mark.requirement("R-23")
async def test_webhooks_of_strange_characters_are_kept_and_cost_no_order(build_town):
    async with build_town(SWEEP_SECONDS="1", POLL_SECONDS="1") as town:
        await town.sandbox.faults({"kind": "lose"})
        order = await town.place()
        for text in STRANGE:
            before, _ = await town.notices()
            odd = f'{{"type": "{text}", "action": "insert", "date": "2026-03-02 09:14:07.118204", "id": 1}}'
            late = f'{{"type": "order", "action": "update", "date": "{text}", "id": {order["number"]}}}'
            answer = await town.api.post("/webhooks/centra/uk", **deliver(f'{{"events": [{odd}, {late}]}}'))
            assert answer.status_code == 202
            assert (await town.notices())[0] > before
        assert len(await town.posted(order)) == 1


NONSENSE = ("", "{", "[]", '{"events": "none"}', "\udcff", "null")


@pytest.mark.requirement("R-23")
async def test_authentic_nonsense_is_kept_and_parked(town):
    for payload in NONSENSE:
        answer = await town.api.post("/webhooks/centra/uk", **deliver(payload))
        assert answer.status_code == 202
    assert await town.cases() == ["E-UNREADABLE"] * len(NONSENSE)
