"""What is wrong with an account's profiles before the first acknowledgement finds it (R-41)."""

from collections.abc import Iterator

from app.connectors.virtualstock.settings import Retailer, VirtualstockSettings


async def find_gaps(*, settings: VirtualstockSettings) -> tuple[str, ...]:
    return tuple(
        f"retailer {code}: its acknowledgements must hold {name}, which its profile does not give"
        for code, retailer in sorted(settings.retailers.items())
        for name in sorted(retailer.ack_required - set(_filled(retailer)))
    )


def _filled(retailer: Retailer) -> Iterator[str]:
    """Names that an acknowledgement will hold whatever the order is."""
    if retailer.ack_sub_status:
        yield "sub_status"
    if retailer.fulfillment_route:
        yield "fulfillment_route"
    if retailer.supplier_reference == "ack_comment" and retailer.comments:
        yield "comment"
    if retailer.tells_dates:
        yield from ("supplier_dispatch_date", "supplier_delivery_date")
