"""What stands in the way of placing orders, in sentences (sage200.md 15, 21)."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from types import MappingProxyType

from app.connectors.sage200.client import Client, Row
from app.connectors.sage200.orders import Orders
from app.connectors.sage200.reference import Reference
from app.connectors.sage200.settings import Sage200Settings
from app.connectors.sage200.tables import Tables
from app.domain.errors import SluiceError

MODULES = MappingProxyType(
    {
        "is_sales_orders_enabled": "Sales Order Processing",
        "is_sales_enabled": "the Sales Ledger",
        "is_stock_enabled": "Stock Control",
    }
)
NOBODY = "SLUICE-PREFLIGHT"


class Preflight:
    def __init__(
        self, client: Client, reference: Reference, orders: Orders, settings: Sage200Settings
    ) -> None:
        self._client = client
        self._reference = reference
        self._orders = orders
        self._settings = settings

    async def problems(self) -> tuple[str, ...]:
        """Each look stands alone: one that fails is a problem itself and hides no other."""
        looks: tuple[tuple[str, Callable[[], AsyncIterator[str]]], ...] = (
            ("the sites of this user", self._sites),
            ("the licence", self._licence),
            ("the permissions of Sage's API user", self._permissions),
            ("settings and tables", self._company),
            ("the search for our orders", self._search),
        )
        found: list[str] = []
        for name, look in looks:
            try:
                found += [problem async for problem in look()]
            except SluiceError as error:
                found.append(f"Sage: {name} cannot be read: {error}.")
        return tuple(found)

    async def _sites(self) -> AsyncIterator[str]:
        sites = await self._client.sites()
        ours = (self._settings.site.lower(), self._settings.company)
        if not sites:
            yield "Sage: the list of sites is empty: the tunnel to the customer's server is down."
        elif ours not in {(str(row.get("site_id")).lower(), row.get("company_id")) for row in sites}:
            known = "; ".join(f"site {row.get('site_id')} company {row.get('company_id')}" for row in sites)
            yield f"Sage: site {ours[0]} with company {ours[1]} is not among what this user can reach ({known})."

    async def _licence(self) -> AsyncIterator[str]:
        licence = await self._client.single("licence") or {}
        for flag, module in MODULES.items():
            if licence.get(flag) is False:
                yield f"Sage: {module} is not licensed ({flag})."

    async def _permissions(self) -> AsyncIterator[str]:
        row: Row = await self._client.single("current_user_sop_user_permissions") or {}
        if row.get("override_prices_discounts") is not True:
            yield (
                "Sage: the API user may not override prices and discounts (override_prices_discounts): "
                "the channel's prices would be refused or replaced."
            )

    async def _company(self) -> AsyncIterator[str]:
        tables = await self._reference.tables(oldest=timedelta(0))
        settings = tables.settings
        if not settings.auto_generate_order_return_numbers:
            yield "Sage: order numbers are not generated automatically (auto_generate_order_return_numbers)."
        if not settings.amend_nominal_codes:
            yield "Sage: nominal codes may not be changed on order lines (amend_nominal_codes)."
        if self._settings.allocate and not settings.allocate_stock_on_order_entry:
            yield (
                "Sage: stock is not allocated on order entry (allocate_stock_on_order_entry): "
                "switch it on, or set SLUICE_SAGE200__ALLOCATE=false."
            )
        for problem in _unreachable_analysis(tables):
            yield problem
        for id_, code in tables.currencies.items():
            if not code:
                yield f"Sage: currency {id_} has no ISO code, so accounts in it cannot be matched."

    async def _search(self) -> AsyncIterator[str]:
        for key, found in (await self._orders.probe([NOBODY])).items():
            if found:
                yield f"Sage: a search for the key {key} finds {len(found)} documents: the filter is not obeyed."


def _unreachable_analysis(tables: Tables) -> list[str]:
    """A mandatory code that nobody may write stops every order; which value it gets is the mappings' affair."""
    return [
        f"Sage: analysis code {slot} of sales orders is mandatory but cannot be written through the API."
        for slot, row in sorted(tables.analysis.items())
        if row.is_mandatory and (row.is_read_only or not tables.settings.amend_header_analysis_codes)
    ]
