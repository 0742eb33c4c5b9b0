"""The brand that this Centra belongs to: its stores, countries and currencies."""

from dataclasses import dataclass
from decimal import Decimal

ORDER = "centra.order"
CONSUMER = "DIRECT_TO_CONSUMER"
WHOLESALE = "WHOLESALE"


@dataclass(frozen=True, slots=True)
class Store:
    id: int
    name: str
    type: str
    currency: str
    market_id: int
    market: str
    pricelist_id: int
    country: str


@dataclass(frozen=True, slots=True)
class Country:
    id: int
    name: str
    standard_rate: Decimal


@dataclass(frozen=True, slots=True)
class Currency:
    """`rate`: to the base currency, fixed on an order when it is placed."""

    id: int
    name: str
    rate: Decimal


STORES = (
    Store(1, "Retail", CONSUMER, "GBP", 3, "United Kingdom", 12, "GB"),
    Store(2, "Europe", CONSUMER, "EUR", 4, "Europe", 14, "DE"),
    Store(3, "Trade", WHOLESALE, "GBP", 6, "Trade", 18, "GB"),
    Store(4, "Outlet", CONSUMER, "GBP", 8, "Outlet", 22, "GB"),
    Store(5, "America", CONSUMER, "USD", 9, "United States", 25, "US"),
)
COUNTRIES = {
    "GB": Country(1, "United Kingdom", Decimal(20)),
    "DE": Country(2, "Germany", Decimal(19)),
    "FR": Country(3, "France", Decimal(20)),
    "IE": Country(4, "Ireland", Decimal(23)),
    "NL": Country(5, "Netherlands", Decimal(21)),
    "SE": Country(6, "Sweden", Decimal(25)),
    "US": Country(7, "United States", Decimal(8)),
    "BG": Country(8, "Bulgaria", Decimal(20)),
}
CURRENCIES = {
    "GBP": Currency(1, "Pound sterling", Decimal(1)),
    "EUR": Currency(2, "Euro", Decimal("0.862069")),
    "USD": Currency(3, "US dollar", Decimal("0.787402")),
}
BASE_CURRENCY = "GBP"
ADDRESS = (
    "firstName",
    "lastName",
    "companyName",
    "attention",
    "address1",
    "address2",
    "city",
    "zipCode",
    "stateOrProvince",
    "email",
    "phoneNumber",
    "cellPhoneNumber",
    "faxNumber",
    "vatNumber",
)
"""Fields of an address, besides its country."""
WAREHOUSES = {1: "HOME", 2: "SHOP"}
HOLD_REASONS = (
    "PAYMENT_MISMATCH",
    "WAITING_FOR_PAYMENT",
    "WAITING_FOR_FRAUD_CHECK",
    "WAITING_FOR_CHECK_FIRST_ALLOCATION",
    "WAITING_FOR_GIFT_CARD_AUTHORIZATION",
)
BY_HAND = "BY_HAND"
"""Held through the API, with a free text and none of the reasons."""
INVENTED_STATUS = "AWAITING_ORACLE"
"""In no document of Centra's: receivers must tolerate statuses that they do not know."""
STATUSES = ("PENDING", "CONFIRMED", "PROCESSING", "SHIPPED", "ARCHIVED", "CANCELLED", INVENTED_STATUS)


def find_store(store_id: int) -> Store:
    for store in STORES:
        if store.id == store_id:
            return store
    raise ValueError(f"no store {store_id}")


def is_releasable(status: str, *, on_hold: bool) -> bool:
    """Whether a warehouse may work on it: the scripted day counts from the answer that showed this."""
    return not on_hold and status not in {"PENDING", "CANCELLED", INVENTED_STATUS}
