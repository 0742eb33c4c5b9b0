"""The golden vectors that the domain documents carry, where these lie beside the project."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.domain.money import next_share, spread, tax_within
from app.domain.order import Order
from app.domain.solver import price_net
from tests.domain.shop import line, make_order, plan_order, reckon, shipping

FILE = Path(__file__).parents[2].parent / "shared" / "domain" / "golden" / "finance.json"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the domain documents are not beside the project")
SKUS = {"dress": "DRESS", "jacket": "DRESS", "kids_shoes": "SHOES", "free_gift": "GIFT"}


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


def case(golden: dict[str, Any], name: str) -> dict[str, Any]:
    found = [one for one in golden["cases"] if one["id"] == name]
    found += [one for parent in golden["cases"] for one in parent.get("variants", ()) if one["id"] == name]
    (one,) = found
    return one


def to_order(given: dict[str, Any], totals: dict[str, str]) -> Order:
    lines = [
        line(
            SKUS.get(one["ref"], "TEE"),
            str(Decimal(one["unit_price"]) * one["qty"]),
            quantity=one["qty"],
            rate=one["vat_rate"],
            ref=one["ref"],
        )
        for one in given["lines"]
    ]
    return make_order(
        *lines,
        discount=given.get("order_discount", {}).get("amount", "0"),
        charges=(shipping(given["shipping"]["gross"]),) if "shipping" in given else (),
        gross=totals["gross"],
        tax=totals["vat"],
    )


def test_allocation(golden):
    for one in golden["core"]["alloc"]:
        weights = [Decimal(weight) for weight in one["weights"]]
        assert spread(Decimal(one["total"]), weights) == tuple(Decimal(share) for share in one["out"])


def test_solver_at_twenty_per_cent(golden):
    for one in golden["core"]["solve20"]:
        gross = Decimal(one["gross"])
        (part,) = price_net(gross, tax_within(gross, Decimal(20)), Decimal(20))
        rest = gross - part.total - part.tax
        assert [part.total, part.tax, rest] == [Decimal(one[name]) for name in ("net", "tax", "res")]


def test_cumulative_rounding(golden):
    for one in golden["core"]["cumulative"]:
        taken = 0
        for units, step in zip(one.get("take", [1] * one["n"]), one["steps"], strict=True):
            paid = [next_share(Decimal(one[name]), one["n"], taken, units) for name in ("gross", "vat")]
            assert paid == [Decimal(amount) for amount in step]
            taken += units


def test_penny_split(golden):
    for one in golden["extra"]["penny_split"]:
        rate, tax = Decimal(one["vat_rate"]), Decimal(one["vat"])
        parts = price_net(Decimal(one["gross"]), tax, rate, one["qty"])
        assert sum(part.total for part in parts) == Decimal(one["net"])
        assert sum(part.tax for part in parts) == tax
        assert sum(part.quantity for part in parts) == one["qty"]
        if one["blind_split_ok"]:
            assert [(part.quantity, str(part.unit)) for part in parts] == [
                (half["qty"], half["unit_net"]) for half in one["blind_split"]
            ]


@pytest.mark.parametrize("name", ["G-01", "G-02", "G-03a", "G-03b", "G-03c", "G-10"])
def test_golden_order(golden, name):
    one = case(golden, name)
    expected = one["expected"]
    planned = plan_order(to_order(one["inputs"], expected["channel_totals"]))
    outside = {"OUTSIDE_SCOPE": "9"}
    assert [
        (int(entry.quantity), entry.unit_net, entry.net, entry.tax, entry.tax_code)
        for entry in planned.entries
    ] == [
        (
            want["qty"],
            *(Decimal(want[part]) for part in ("unit_net", "net", "tax")),
            outside.get(want["vat_code"], str(want["vat_code"])),
        )
        for want in expected["sage_lines"]
    ]
    totals = [Decimal(expected["sage_totals"][part]) for part in ("net", "vat", "gross")]
    assert [planned.net, planned.tax, planned.gross] == totals
    assert reckon(planned.entries) == (planned.net, planned.tax)
