"""Every GraphQL document that is sent. Tests validate each against openapi/vendors/centra.graphql."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """`name` is the operation's name in `text`."""

    name: str
    text: str


_SHIPMENTS = """
    shipments {
      number isShipped shippedAt trackingNumber additionalMessage carrierInformation { carrierName serviceName }
      lines { quantity orderLine { id } }
    }"""

_ORDERS = """
query %s($where: OrderFilter!, $limit: Int!) {
  orders(where: $where, sort: [number_ASC], limit: $limit) {
    __typename id number status isOnHold orderDate updatedAt
    store { id name } market { id name } country { code }
    grandTotal { value currency { code } }
    totals {
      lineValues { value } shipping { value } handling { value } discounts { value }
      taxAdded { value } taxDeducted { value } taxIncluded { value } shippingTaxDeducted { value }
    }
    discountsApplied { __typename value { value } }
    paymentMethod { plugin uri name }
    shippingAddress { ...place } billingAddress { ...place }
    lines(includeFullyCancelled: true) {
      __typename id productName productVariantName size quantity cancelledQuantity taxPercent
      unitOriginalPrice { value } lineValue { value } net: lineValue(includingTax: false) { value }
      productSize { SKU EAN }
    }%s
    ... on DirectToConsumerOrder { orderHoldReason customer { email firstName lastName } }
    ... on WholesaleOrder {
      purchaseOrderNumber account { id name }
      deliveryWindows { id ... on PreorderDeliveryWindow { deliveryStartDate deliveryEndDate } }
    }
  }
}
fragment place on Address {
  firstName lastName companyName attention address1 address2 city zipCode stateOrProvince
  country { code } email phoneNumber cellPhoneNumber vatNumber
}
"""

ORDERS = Document("GatewayOrders", _ORDERS % ("GatewayOrders", ""))
SHIPPED_ORDERS = Document("GatewayShippedOrders", _ORDERS % ("GatewayShippedOrders", _SHIPMENTS))
"""With what left of them: it costs more, so it is asked for only where despatches begin in Centra."""

CHANGED = Document(
    "GatewayChangedOrders",
    """
query GatewayChangedOrders($where: OrderFilter!, $limit: Int!, $page: Int!) {
  orders(where: $where, sort: [updatedAt_ASC, number_ASC], limit: $limit, page: $page) {
    number createdAt updatedAt
  }
}
""",
)

EVENTS = Document(
    "GatewayEvents",
    """
query GatewayEvents($where: EventFilter, $limit: Int!) {
  events(where: $where, limit: $limit) { id objectType changeType objectReference createdAt }
}
""",
)

LISTENERS = Document(
    "GatewayListeners",
    """
query GatewayListeners {
  eventListeners { objectType changeTypes }
}
""",
)

STORES = Document(
    "GatewayStores",
    """
query GatewayStores($page: Int!) {
  stores(limit: 200, page: $page) { id name }
}
""",
)

SIZES = Document(
    "GatewaySizes",
    """
query GatewaySizes($limit: Int!, $page: Int!) {
  productSizes(limit: $limit, page: $page) { SKU EAN }
}
""",
)

LISTEN = Document(
    "GatewayListen",
    """
mutation GatewayListen($input: [EventListenerInput!]!) {
  setEventListeners(input: $input) { userErrors { message path } userWarnings { message path } }
}
""",
)

CONFIRM = Document(
    "GatewayConfirm",
    """
mutation GatewayConfirm($input: EventsConfirmInput!) {
  confirmEvents(input: $input) { userErrors { message path } userWarnings { message path } }
}
""",
)

SHIPMENTS = Document(
    "GatewayShipments",
    """
query GatewayShipments($where: OrderFilter!) {
  orders(where: $where, limit: 1) {
    __typename number status isOnHold
    shipments {
      id number isGoodToGo isPaid isCaptured isShipped additionalMessage
    }
  }
}
""",
)

SHIPPED = Document(
    "GatewayShipped",
    """
query GatewayShipped($where: ShipmentFilter!, $limit: Int!, $page: Int!) {
  shipments(where: $where, limit: $limit, page: $page) { id number updatedAt order { number } }
}
""",
)

CREATE_SHIPMENT = Document(
    "GatewayCreateShipment",
    """
mutation GatewayCreateShipment($input: ShipmentCreateInput!) {
  createShipment(input: $input) {
    userErrors { message path } userWarnings { message path }
    shipment { id isPaid isCaptured isShipped }
  }
}
""",
)

CAPTURE_SHIPMENT = Document(
    "GatewayCaptureShipment",
    """
mutation GatewayCaptureShipment($id: Int!) {
  captureShipment(id: $id) {
    userErrors { message path } userWarnings { message path } shipment { id isPaid isCaptured isShipped }
  }
}
""",
)

COMPLETE_SHIPMENT = Document(
    "GatewayCompleteShipment",
    """
mutation GatewayCompleteShipment($id: Int!, $input: ShipmentCompleteInput!) {
  completeShipment(id: $id, input: $input) {
    userErrors { message path } userWarnings { message path } shipment { id isPaid isCaptured isShipped }
  }
}
""",
)

ALL = (
    ORDERS,
    SHIPPED_ORDERS,
    CHANGED,
    EVENTS,
    LISTENERS,
    STORES,
    SIZES,
    LISTEN,
    CONFIRM,
    SHIPMENTS,
    SHIPPED,
    CREATE_SHIPMENT,
    CAPTURE_SHIPMENT,
    COMPLETE_SHIPMENT,
)
