"""Writes the shopping day. Pure: the same size, seed and catalogue write the same day."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from app.demo import evening, retail, thoughts
from app.demo.shoppers import EU, UK, Shop
from app.demo.steps import Amend, Kill, Map, Place, Quiet, Sell, Step, Tell, Tunnel

Doc = dict[str, Any]
MULTI_LINE, HELD = 0.55, 0.06
MORNING, LUNCH = 0.35, 0.40
FEWEST_SOLD = 4
OLD_SKU = "OLD-SEASON-01"
LONG_NAME = ("Wilhelmina-Alexandrina Featherstonehaugh-Cholmondeley", "de la Bruyère van der Meulen")
EMOJI = ("Zoë 🎉", "Sparkle ✨👗")
RIGHT_TO_LEFT = ("نور", "الهاشمي")


@dataclass(frozen=True, slots=True)
class Day:
    """`alias`: the ERP's code for OLD_SKU."""

    steps: tuple[Step, ...]
    orders: int
    alias: str


def write_day(size: int, seed: int, catalogue: Sequence[Doc], *, kills: bool, calm: bool) -> Day:
    """`calm`: nothing may be in doubt when Sage closes for lunch, so the day waits as long as it takes."""
    chance = random.Random(f"day {seed}")
    shop = Shop(catalogue, chance)
    names = (f"order {number:04d}" for number in count(1))
    opening = list(_opening(shop, names))
    sold = max(math.ceil(size * retail.SHARE), FEWEST_SOLD)
    left = max(size - sold - sum(isinstance(step, Place) for step in opening), 0)
    wishes = _wishes(shop, left, size)
    morning = [Place(next(names), wish) for wish in wishes[: math.ceil(size * MORNING)]]
    lunch = [Place(next(names), wish) for wish in wishes[len(morning) :][: math.ceil(size * LUNCH)]]
    late = [Place(next(names), wish) for wish in wishes[len(morning) + len(lunch) :]]
    held = _hold(morning, math.ceil(size * HELD))
    steps: list[Step] = [Tell("The shop opens; some values are not mapped yet"), *opening]
    steps += [Tell("Morning"), *_killing(morning, "worker-1" if kills else None)]
    steps += [Quiet(60.0 if calm else 6.0), Tell("Sage is closed at lunch: orders are edited and cancelled")]
    steps += [
        Tunnel(up=False),
        *_killing(lunch, "api" if kills else None),
        *thoughts.second_thoughts(shop, lunch, size),
    ]
    steps += [Tunnel(up=True), Tell("Sage is back; held orders are released")]
    steps += _killing(_mixed(chance, late, held), "worker-2" if kills else None)
    sales = [Sell(f"sale {place:03d}", wish) for place, wish in enumerate(retail.wishes(shop, sold))]
    steps = _mixed_in(chance, steps, sales)
    steps += thoughts.late_thoughts(shop, late)
    placed = [one for one in (*opening, *morning) if isinstance(one, Place) and one not in held]
    steps += evening.despatches(placed, sales)
    alias = next(step.row["code"] for step in steps if isinstance(step, Map) and step.table == "sku_aliases")
    return Day(tuple(steps), sum(isinstance(step, Place | Sell) for step in steps), alias)


def _opening(shop: Shop, names: Iterator[str]) -> Iterator[Step]:
    """One order for each thing that nobody mapped yet; each waits for its rows, and holds up nobody."""
    adult = shop.pick(4, "standard")
    wishes: list[Doc] = [shop.order(2, UK), shop.order(1, UK), shop.order(2, EU), shop.order(1, EU)]
    alias, handling, eu, sweden = [Place(next(names), wish) for wish in wishes]
    alias.wish["lines"].append({"sku": OLD_SKU, "quantity": 1})
    handling.wish["handling"] = "2.50"
    handling.wish["vouchers"] = []
    sweden.wish.update(country="SE", lines=[{"sku": adult[1]["sku"], "quantity": 1}], vouchers=[])
    sweden.wish["address"].update(city="Malmö", zipCode="211 20")
    yield from (alias, handling, eu, sweden)
    row = {"connection": "uk", "alias": OLD_SKU, "code": adult[0]["sku"]}
    yield Map(alias.name, "sku_aliases", row)
    yield Map(handling.name, "charges", {"connection": "*", "kind": "handling", "description": "Handling"})
    yield Map(handling.name, "posting_rules", NOMINAL)
    yield Map(eu.name, "customers", {"connection": "*", "currency": "EUR", "reference": "WEBEUR"})
    yield Map(eu.name, "warehouses", {"connection": "eu", "warehouse": "HOME", "ships_from": "GB"})
    yield Map(eu.name, "required_fields", {"connection": "eu", "target": "analysis_1", "constant": "WEB"})
    yield Map(sweden.name, "tax_codes", SWEDEN)


NOMINAL = {
    "rule": "handling",
    "position": 20,
    "kind": "handling",
    "nominal": "4905",
    "cost_centre": "WEB",
    "department": "UK",
}
SWEDEN = {
    "ship_from": "GB",
    "ship_to": "SE",
    "buyer": "consumer",
    "rate": "25",
    "code": "2",
    "destination_vat": True,
}


def _wishes(shop: Shop, left: int, size: int) -> list[Doc]:
    """`left` ordinary orders, the extraordinary ones spread among them."""
    several = math.ceil(size * MULTI_LINE)
    counts = [shop.chance.choice((2, 2, 2, 3, 4)) if place < several else 1 for place in range(left)]
    shop.chance.shuffle(counts)
    wishes = [shop.order(lines) for lines in counts]
    spots = iter(shop.chance.sample(range(left), left))
    for wish, spot in zip(_extraordinary(shop, math.ceil(size * 0.03)), spots, strict=False):
        wishes[spot] = wish
    return wishes


def _extraordinary(shop: Shop, bundles: int) -> Iterator[Doc]:
    for first, last in (LONG_NAME, EMOJI, RIGHT_TO_LEFT):
        wish = shop.order(2, UK)
        wish["address"].update(firstName=first, lastName=last)
        yield wish
    free = shop.order(2, UK)
    free["vouchers"] = [{"code": "PRESS", "percent": 100}]
    free.pop("shipping", None)
    yield free
    for _ in range(bundles):
        wish = shop.order(1, UK)
        wish["lines"] = [shop.bundle(), *shop.basket(1)]
        wish.pop("vouchers", None)
        yield wish


def _hold(places: Sequence[Place], wanted: int) -> list[Place]:
    """These wait for the fraud check until the afternoon."""
    held = list(places[1::2][:wanted])
    for place in held:
        place.wish["hold"] = "WAITING_FOR_FRAUD_CHECK"
    return held


def _mixed_in(chance: random.Random, steps: Sequence[Step], sales: Sequence[Sell]) -> list[Step]:
    """Retailers buy all day long."""
    mixed = list(steps)
    for sale in sales:
        mixed.insert(chance.randint(0, len(mixed)), sale)
    return mixed


def _killing(steps: Sequence[Step], process: str | None) -> list[Step]:
    """The same steps with a kill in their midst."""
    middle = len(steps) // 2
    return [*steps[:middle], *([Kill(process)] if process else []), *steps[middle:]]


def _mixed(chance: random.Random, evening: Sequence[Place], held: Sequence[Place]) -> list[Step]:
    steps: list[Step] = list(evening)
    for one in held:
        steps.insert(chance.randint(0, len(steps)), Amend(one.name, "release"))
    return steps
