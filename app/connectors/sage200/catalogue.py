"""All products, by id: a page begins behind the last one, so that none is skipped while others come and go (sage200.md 13)."""

from typing import Any

from app.connectors.sage200.client import Client
from app.connectors.sage200.payloads import ProductRow, read
from app.connectors.sage200.reference import PRODUCT_FIELDS
from app.domain.channel import Article, Articles

PAGE = 500


class Catalogue:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def page(self, cursor: dict[str, Any]) -> Articles:
        """cursor: `after`, an id."""
        options: dict[str, str | int] = {
            "filter": f"id gt {int(cursor.get('after', 0))}",
            "select": PRODUCT_FIELDS,
            "orderby": "id",
            "top": PAGE,
        }
        rows = read(ProductRow, await self._client.page("products", options))
        onward = {"after": max(row.id for row in rows)} if len(rows) >= PAGE else None
        return Articles(tuple(Article(row.code, row.barcode, row.active) for row in rows), onward)
