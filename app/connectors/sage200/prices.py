"""Prices as Sage reckons them for an account: its band, its discounts, the quantity (sage200.md 9.7)."""

import asyncio
from collections.abc import Collection, Mapping
from decimal import Decimal

from app.connectors.sage200.client import Client
from app.connectors.sage200.payloads import Wire, read
from app.connectors.sage200.reference import Reference
from app.domain.erp import Quote


class PriceRow(Wire):
    """An answer of `customer_price_enquiry`, in the customer's currency."""

    unit_price: Decimal | None = None
    discounted_unit_price: Decimal | None = None


class Prices:
    def __init__(self, client: Client, reference: Reference) -> None:
        self._client = client
        self._reference = reference

    async def find(self, quotes: Collection[Quote]) -> Mapping[Quote, Decimal]:
        """One request each: there is no list of enquiries. Nothing is remembered: a price that was corrected counts."""
        ids = await self._reference.quoted(quotes)
        found = await asyncio.gather(*(self._ask(quote, *pair) for quote, pair in ids.items()))
        return {quote: price for quote, price in zip(ids, found, strict=True) if price is not None}

    async def _ask(self, quote: Quote, customer: int, product: int) -> Decimal | None:
        body = {"customer_id": customer, "product_id": product, "quantity": quote.quantity}
        (row,) = read(PriceRow, [await self._client.ask("customer_price_enquiry", body)])
        return row.unit_price if row.discounted_unit_price is None else row.discounted_unit_price
