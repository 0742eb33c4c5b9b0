"""Goods leave: Sage's warehouse sends for the shop and the retailers, the continent's own warehouse ships in Centra. Pure."""

from collections.abc import Iterator, Sequence

from app.demo.shoppers import EU, UK
from app.demo.steps import Close, Despatch, Map, Open, Place, Sell, Ship, Step, Tell

NEW_COURIER, ITS_CARRIER = "Parcelforce 48", "parcel-force"
COURIERS = ("DPD Local Next Day", "Royal Mail Tracked 24", NEW_COURIER)
CARRIER = "dpd"
CLERK = "sue"
OPEN_SECONDS = 4.0


def despatches(placed: Sequence[Place], sales: Sequence[Sell]) -> Iterator[Step]:
    """What goes with the new courier waits for its mapping, all together; a shipment whose order a clerk has open in Sage
    waits for the clerk, and nobody else does.
    """
    shops = [one for one in placed if one.wish["store"] == UK][-len(sales) :]
    abroad = [one for one in placed if one.wish["store"] == EU][: len(sales)]
    sent: list[Place | Sell] = [*shops, *sales]
    couriers = {one.name: COURIERS[place % len(COURIERS)] for place, one in enumerate(sent)}
    yield Tell("Sage's warehouse sends what was ordered; one courier is new")
    for place, one in enumerate(sent):
        note = {"courier": couriers[one.name], "consignment_no": f"{15_501_000_000_000 + place}"}
        yield Despatch(one.name, note)
    yield Tell("The continent's warehouse ships in Centra; a clerk has one of its orders open in Sage")
    yield Open(abroad[0].name, CLERK)
    for place, one in enumerate(abroad):
        yield Ship(one.name, {"carrier": CARRIER, "tracking": f"{15_502_000_000_000 + place}"})
    late = next(name for name, courier in couriers.items() if courier == NEW_COURIER)
    yield Map(late, "carriers", {"connection": "*", "courier": NEW_COURIER, "carrier": ITS_CARRIER})
    yield Close(abroad[0].name, CLERK, OPEN_SECONDS)
