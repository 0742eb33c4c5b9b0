"""The made-up shop that every vendor is seeded with: the same articles, from the same seed."""

import random
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

ADULT = ("Dress", "Tee", "Jacket", "Jeans", "Shirt", "Skirt", "Knit", "Coat")
CHILD = ("Kids Tee", "Kids Shorts", "Kids Shoes", "Baby Romper")
COLOURS = ("BLK", "WHT", "NVY", "RED", "GRN", "SND")
ADULT_SIZES = ("XS", "S", "M", "L", "XL")
CHILD_SIZES = ("92", "104", "116", "128", "140")
EUR_PER_GBP = Decimal("1.16")
TRADE_SHARE = Decimal("0.55")
"""What a retailer pays its supplier, of the shop's price without VAT."""


def generate(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """`spec`: skus (520), seed (1), stock (1000 a SKU). Three products in ten are children's: no VAT (`vat` "zero"),
    the others "standard". Prices are what a shopper pays, VAT included.
    """
    rng = random.Random(spec.get("seed", 1))
    wanted = int(spec.get("skus", 520))
    articles: list[dict[str, Any]] = []
    while len(articles) < wanted:
        articles += product(len(articles) // 5 + 1, rng)
    for place, article in enumerate(articles[:wanted]):
        article["ean"] = ean13(place)
        article["stock"] = int(spec.get("stock", 1000))
    return articles[:wanted]


def product(number: int, rng: random.Random) -> list[dict[str, Any]]:
    child = number % 10 in {3, 6, 9}
    kind = rng.choice(CHILD if child else ADULT)
    colour = rng.choice(COLOURS)
    price = Decimal(rng.randrange(500, 6000 if child else 20000)) / 100
    style = f"{'K' if child else 'A'}{number:04d}"
    return [
        {
            "sku": f"{style}-{colour}-{size}",
            "style": style,
            "name": f"{kind} {number}",
            "colour": colour,
            "size": size,
            "vat": "zero" if child else "standard",
            "price": {"GBP": str(price), "EUR": str((price * EUR_PER_GBP).quantize(Decimal("0.01")))},
        }
        for size in (CHILD_SIZES if child else ADULT_SIZES)
    ]


def ean13(place: int) -> str:
    digits = f"506000{place:06d}"
    weighed = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-weighed % 10}"


def trade_price(article: Mapping[str, Any]) -> Decimal:
    """Of one unit, in pounds, without VAT."""
    shop = Decimal(article["price"]["GBP"]) / (Decimal("1.2") if article["vat"] == "standard" else 1)
    return (shop * TRADE_SHARE).quantize(Decimal("0.01"), ROUND_HALF_UP)
