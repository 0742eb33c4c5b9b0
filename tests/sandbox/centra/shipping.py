"""What a warehouse's integration says to Centra, and how it reads back."""

from tests.sandbox.centra.conftest import Shop

SAID = "userErrors { message path } userWarnings { message path }"
SHOWN = "shipment { id number isGoodToGo isPaid isCaptured isShipped lines { id quantity } order { number status } }"
ENTRIES = "paymentHistoryEntries { entryType status value { value } }"
CREATE = (
    f"mutation Create($input: ShipmentCreateInput!) {{ createShipment(input: $input) {{ {SAID} {SHOWN} }} }}"
)
CAPTURE = f"mutation Capture($id: Int!) {{ captureShipment(id: $id) {{ {SAID} {SHOWN} {ENTRIES} }} }}"
UPDATE = f"""mutation Update($id: Int!, $input: ShipmentUpdateInput!) {{
  updateShipment(id: $id, input: $input) {{ {SAID} {SHOWN} }} }}"""
COMPLETE = f"""mutation Complete($id: Int!, $input: ShipmentCompleteInput!) {{
  completeShipment(id: $id, input: $input) {{ {SAID} {SHOWN} }} }}"""
DELETE = f"mutation Delete($id: Int!) {{ deleteShipment(id: $id) {{ {SAID} }} }}"
CAPTURE_ORDER = f"""mutation CaptureOrder($order: OrderInput!) {{
  captureOrder(order: $order) {{ {SAID} order {{ number }} {ENTRIES} }} }}"""
READ = """query Read($number: [Int!]) { orders(where: {number: $number}) {
  number status updatedAt isOnHold
  lines(includeFullyCancelled: true) { id quantity cancelledQuantity shippedQuantity }
  paymentHistory { entryType status value { value } }
  shipments { id number isGoodToGo isPaid isCaptured isShipped trackingNumber capturedValue { value } grandTotal { value } }
} }"""


async def read(shop: Shop, number: int) -> dict:
    return (await shop.data(READ, number=[number]))["orders"][0]


async def create(shop: Shop, order: dict, *units: tuple[int, int], **wish: object) -> dict:
    """`units`: places of lines with quantities; all of every line without them."""
    picked = units or [(place, line["quantity"]) for place, line in enumerate(order["lines"])]
    lines = [{"orderLine": {"id": order["lines"][place]["id"]}, "quantity": units} for place, units in picked]
    given = {"order": {"number": order["number"]}, "lines": lines, "isGoodToGo": True, **wish}
    return (await shop.data(CREATE, input=given))["createShipment"]


async def made(shop: Shop, order: dict, *units: tuple[int, int], **wish: object) -> dict:
    answer = await create(shop, order, *units, **wish)
    assert answer["userErrors"] == []
    return answer["shipment"]


async def capture(shop: Shop, shipment: dict) -> dict:
    return (await shop.data(CAPTURE, id=shipment["id"]))["captureShipment"]


async def update(shop: Shop, shipment: dict, **wish: object) -> dict:
    return (await shop.data(UPDATE, id=shipment["id"], input=wish))["updateShipment"]


async def complete(shop: Shop, shipment: dict, **wish: object) -> dict:
    return (await shop.data(COMPLETE, id=shipment["id"], input=wish))["completeShipment"]


async def delete(shop: Shop, shipment: dict) -> dict:
    return (await shop.data(DELETE, id=shipment["id"]))["deleteShipment"]


async def capture_order(shop: Shop, number: int) -> dict:
    return (await shop.data(CAPTURE_ORDER, order={"number": number}))["captureOrder"]


def why(answer: dict) -> str:
    """The only user error's text."""
    (error,) = answer["userErrors"]
    return error["message"]


def entries(order: dict) -> list[tuple[str, str, float]]:
    """Of the payment history, but for what was authorised."""
    shown = [(one["entryType"], one["status"], one["value"]["value"]) for one in order["paymentHistory"]]
    return [one for one in shown if not one[0].startswith("AUTH")]


async def mails(shop: Shop, kind: str = "shipment") -> list[tuple[str | None, str | None]]:
    """What shoppers were told: shipment and tracking number."""
    rows = [change for row in await shop.sandbox.history() for change in row["changed"]]
    sent = [change["after"] for change in rows if change["entity"] == "centra.mail"]
    return [(one["shipment"], one["tracking"]) for one in sent if one["kind"] == kind]
