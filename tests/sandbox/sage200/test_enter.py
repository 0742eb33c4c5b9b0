from decimal import Decimal

from tests.sandbox.sage200.conftest import Sage


async def test_order_gets_a_ten_digit_number_and_totals(sage: Sage):
    order = await sage.enter(sage.order(sage.line(0, 2, Decimal("19.95"))))
    assert order["document_no"] == "0000000001"
    assert (order["total_net_value"], order["total_tax_value"]) == (Decimal("39.90"), Decimal("7.98"))
