"""What a customer pays for a product, which is asked by POST and writes nothing (sage200.md 9.7)."""

from decimal import Decimal

from app.sandbox.mirror import Doc
from app.sandbox.sage200.checks import check_object, need
from app.sandbox.sage200.fields import declare
from app.sandbox.sage200.lines import Entry
from app.sandbox.sage200.refusal import invalid
from app.sandbox.sage200.resources import show

ENQUIRY = declare(
    """
customer_id int
product_id int
quantity dec5
selling_unit_id int
pricing_unit_id int
include_previous_prices bool
"""
)
PRICE = declare(
    """
customer_id int
product_id int
product_type str50
selling_unit str20
pricing_unit str20
quantity dec5
currency_id int
currency_name str30
currency_symbol str4
unit_price dec2
discounted_unit_price dec2
total_price_before_discount dec2
"""
)


def enquire(entry: Entry, _: str, body: Doc) -> tuple[Doc, str]:
    """By the customer's band, or the standard one where the band has no price; discounts are not simulated."""
    wish = check_object(body, ENQUIRY, strict=entry.strict)
    need(wish, "customer_id", "product_id")
    customer = entry.find("customer", wish["customer_id"], "customer")
    product = entry.find("product", wish["product_id"], "product")
    currency = entry.find("currency", customer["currency_id"], "currency")
    quantity = Decimal(wish.get("quantity", "1"))
    if quantity <= 0:
        raise invalid("The property 'quantity' must be above zero.")
    price = Decimal(product["band_prices"].get(str(customer.get("price_band_id")), product["list_price"]))
    answer = {
        **{name: wish[name] for name in ("customer_id", "product_id")},
        "product_type": "Stock",
        "selling_unit": "Each",
        "pricing_unit": "Each",
        "quantity": str(quantity),
        "currency_id": currency["id"],
        "currency_name": currency["name"],
        "currency_symbol": currency["symbol"],
        "unit_price": str(price),
        "discounted_unit_price": str(price),
        "total_price_before_discount": str(price * quantity),
    }
    return show(PRICE, answer), product["code"]


def change_price(product: Doc, band: str, price: Decimal) -> None:
    """`band`: its id, "" for the standard one."""
    if band:
        product["band_prices"][band] = str(price)
    else:
        product["list_price"] = str(price)
