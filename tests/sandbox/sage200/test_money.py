"""What Sage makes of prices: finance.md 4.4 and its golden figures, in both positions of every open question."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from app.sandbox.store import Call
from tests.sandbox.sage200.conftest import Sage

GOLDEN = Path(__file__).resolve().parents[3].parent / "shared/domain/golden/finance.json"


def tax_code(sage: Sage, code: object) -> int:
    return sage.id("tax_code", "9" if code == "OUTSIDE_SCOPE" else str(code))


def rounding(sage: Sage, value: str) -> dict:
    return {
        "line_type": "EnumLineTypeFreeText",
        "description": "Channel rounding",
        "line_quantity": 1,
        "selling_unit_price": Decimal(value),
        "tax_code_id": tax_code(sage, 9),
        "nominal_reference": "8250",
        "nominal_cost_centre": "WEB",
        "nominal_department": "UK",
    }


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden figures are not here")
async def test_golden_orders_come_to_the_channels_totals(sage: Sage):
    cases = [
        case for case in json.loads(GOLDEN.read_text())["cases"] if "sage_totals" in case.get("expected", {})
    ]
    assert len(cases) >= 5
    for case in cases:
        lines = [
            rounding(sage, line["unit_net"])
            if line["ref"] == "channel_rounding"
            else sage.line(
                0, line["qty"], Decimal(line["unit_net"]), tax_code_id=tax_code(sage, line["vat_code"])
            )
            for line in case["expected"]["sage_lines"]
        ]
        order = await sage.enter(sage.order(*lines))
        totals = case["expected"]["sage_totals"]
        assert str(order["total_net_value"]) == totals["net"], case["id"]
        assert str(order["total_tax_value"]) == totals["vat"], case["id"]
        assert str(order["total_gross_value"]) == totals["gross"], case["id"]


async def test_naive_nets_are_a_penny_short(sage: Sage):
    lines = [sage.line(0, 1, Decimal(net)) for net in ("69.60", "37.89", "4.12")]
    assert (await sage.enter(sage.order(*lines)))["total_gross_value"] == Decimal("133.93")


async def test_tax_is_rounded_per_line_or_per_document(sage: Sage):
    lines = [sage.line(0, 1, Decimal("0.03")) for _ in range(3)]
    assert (await sage.enter(sage.order(*lines)))["total_tax_value"] == Decimal("0.03")
    await sage.sandbox.switch(sage200__tax_level="document")
    assert (await sage.enter(sage.order(*lines)))["total_tax_value"] == Decimal("0.02")


async def test_unit_price_is_rounded_to_pennies_before_the_quantity_counts(sage: Sage):
    line = sage.line(0, 2, Decimal("18.945"))
    assert (await sage.enter(sage.order(line)))["total_net_value"] == Decimal("37.90")
    await sage.sandbox.switch(sage200__discounted_price_places=5)
    order = await sage.enter(sage.order(line))
    assert order["total_net_value"] == Decimal("37.89")
    row = (await sage.get("sop_order_line_views", filter=f"sop_order_id eq {order['id']}"))[0]
    assert row["sop_order_line_discounted_unit_price"] == Decimal("18.94500")


async def test_unit_discount_is_taken_off_the_price(sage: Sage):
    order = await sage.enter(
        sage.order(
            sage.line(0, 3, 10, unit_discount_percent=Decimal("33.33")),
            sage.line(1, 1, 10, unit_discount_value=Decimal("0.5")),
        )
    )
    assert order["total_net_value"] == Decimal("6.67") * 3 + Decimal("9.50")


async def test_order_discount_lowers_net_and_tax_but_not_charges(sage: Sage):
    charge = {"line_type": "EnumLineTypeCharge", "code": "CARRIAGE", "selling_unit_price": 10}
    order = await sage.enter(sage.order(sage.line(0, 1, 100), charge, document_discount_percent=10))
    assert (order["subtotal_discount_value"], order["total_net_value"]) == (10, 100)
    assert order["total_tax_value"] == 20


@pytest.mark.parametrize(("level", "tax"), [("line", "3.00"), ("document", "2.99")])
async def test_inclusive_prices_hold_the_tax(sage: Sage, level: str, tax: str):
    await sage.sandbox.switch(sage200__are_prices_tax_inclusive=True, sage200__tax_level=level)
    lines = [sage.line(0, 1, Decimal("8.99")), sage.line(0, 1, Decimal("8.97"))]
    order = await sage.enter(sage.order(*lines))
    assert (order["total_gross_value"], order["total_tax_value"]) == (Decimal("17.96"), Decimal(tax))


async def test_zero_price_line_is_accepted(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 1, 0)))
    assert order["total_gross_value"] == 0


async def test_negative_free_text_is_accepted_or_refused_by_switch(sage: Sage):
    body = sage.order(sage.line(0, 1, 10), rounding(sage, "-0.01"))
    assert (await sage.enter(body))["total_gross_value"] == Decimal("11.99")
    await sage.sandbox.switch(sage200__negative_free_text="refuse")
    assert "negative" in await sage.refused(body)


async def test_zero_rated_product_bears_no_tax(sage: Sage):
    child = next(place for place, sku in enumerate(sage.skus) if sku.startswith("K"))
    assert (await sage.enter(sage.order(sage.line(child, 1, 30))))["total_tax_value"] == 0


@pytest.mark.skipif(not GOLDEN.exists(), reason="the golden figures are not here")
async def test_golden_penny_splits_are_taxed_as_foretold(sage: Sage):
    rated = {"20": 1, "5": 5}
    await add_reduced_rate(sage)
    vectors = [
        each for each in json.loads(GOLDEN.read_text())["extra"]["penny_split"] if each["vat_rate"] in rated
    ]
    for vector in vectors:
        for split, tax in (("blind_split", vector["blind_split_tax"]), ("one_valid_split", vector["vat"])):
            code = tax_code(sage, rated[vector["vat_rate"]])
            parts = vector[split]
            lines = [sage.line(0, part["qty"], Decimal(part["unit_net"]), tax_code_id=code) for part in parts]
            assert str((await sage.enter(sage.order(*lines)))["total_tax_value"]) == tax, vector["gross"]


async def add_reduced_rate(sage: Sage) -> None:
    with sage.sandbox.world.store.record(Call("test", "PUT", "/")) as change:
        standard = change.get("sage200.tax_code", tax_code(sage, 1))
        change.put("sage200.tax_code", 5, {**standard, "id": 5, "code": 5, "tax_rate": "5.00"})
    sage.seeded["ids"]["tax_code"]["5"] = 5
