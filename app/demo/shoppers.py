"""What shoppers put into their baskets: seeded, Zipf over the whole catalogue."""

import itertools
import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Doc = dict[str, Any]
UK, EU = 1, 2
SHARE_OF_EU = 0.2
FIRST = ("Amelia", "Noah", "Priya", "Tomasz", "Chloé", "Siobhán", "Yusuf", "Ingrid", "Mateo", "Zoë")
LAST = ("Okafor", "Smith", "Nguyen", "Müller", "O'Brien", "Kowalska", "García", "Patel", "Dubois", "Lind")
STREETS = ("Mill Lane", "High Street", "Station Road", "Orchard Close", "Quay Street", "Abbey Row")
UK_PLACES = (("Leeds", "LS1 4AP"), ("Bath", "BA1 1SX"), ("Cardiff", "CF10 1EP"), ("Glasgow", "G1 3SL"))
EU_PLACES = (("Berlin", "10115"), ("Hamburg", "20095"), ("München", "80331"))


class Shop:
    """`catalogue`: articles of the sandbox. Which SKU is the most wanted is a matter of the seed."""

    def __init__(self, catalogue: Sequence[Doc], chance: random.Random) -> None:
        self.chance = chance
        self._articles = list(catalogue)
        chance.shuffle(self._articles)
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, len(self._articles) + 1)))

    def pick(self, count: int, vat: str | None = None) -> list[Doc]:
        """Distinct articles; `vat`: standard or zero."""
        found: dict[str, Doc] = {}
        while len(found) < count:
            (one,) = self.chance.choices(self._articles, cum_weights=self._weights)
            if vat in {None, one["vat"]}:
                found.setdefault(one["sku"], one)
        return list(found.values())

    def basket(self, lines: int) -> list[Doc]:
        return [
            {"sku": one["sku"], "quantity": self.chance.choice((1, 1, 1, 1, 2, 2, 3))}
            for one in self.pick(lines)
        ]

    def bundle(self) -> Doc:
        items = self.pick(2, "standard")
        price = sum((Decimal(one["price"]["GBP"]) for one in items), Decimal(0)) * Decimal("0.85")
        named = {"sku": f"SET-{items[0]['style']}", "name": "Set of two", "price": str(round(price, 2))}
        return {
            "bundle": named,
            "quantity": 1,
            "items": [{"sku": one["sku"], "quantity": 1} for one in items],
        }

    def address(self, store: int) -> Doc:
        first, last = self.chance.choice(FIRST), self.chance.choice(LAST)
        city, code = self.chance.choice(UK_PLACES if store == UK else EU_PLACES)
        return {
            "firstName": first,
            "lastName": last,
            "address1": f"{self.chance.randint(1, 199)} {self.chance.choice(STREETS)}",
            "city": city,
            "zipCode": code,
            "email": f"shopper{self.chance.randint(1, 9999)}@example.com",
            "phoneNumber": f"+44 20 7946 0{self.chance.randint(100, 999)}",
        }

    def order(self, lines: int, store: int | None = None) -> Doc:
        """An ordinary confirmed order; more than half pay for shipping."""
        drawn = EU if self.chance.random() < SHARE_OF_EU else UK
        chosen = drawn if store is None else store
        wish: Doc = {
            "store": chosen,
            "status": "CONFIRMED",
            "lines": self.basket(lines),
            "address": self.address(chosen),
        }
        if self.chance.random() < 0.6:
            wish["shipping"] = "3.95" if chosen == UK else "7.50"
        self._bargain(wish)
        return wish

    def _bargain(self, wish: Doc) -> None:
        draw = self.chance.random()
        if draw < 0.10:
            wish["vouchers"] = [{"code": "TEN", "percent": 10}]
        elif draw < 0.16:
            wish["vouchers"] = [{"code": "FIVER", "amount": "5.00"}]
        elif draw < 0.20 and "shipping" in wish:
            wish["vouchers"] = [{"code": "FREESHIP", "free_shipping": True}]
        elif draw < 0.30:
            wish["lines"][0]["discount_percent"] = self.chance.choice((15, 20, 33))
