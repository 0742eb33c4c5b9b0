"""The products of all retailers of the account (virtualstock.md 6.7). What a retailer calls a field is its own choice."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from app.connectors.virtualstock.payloads import WirePage, WireProduct
from app.connectors.virtualstock.poll import Source
from app.domain.channel import Article, Articles
from app.domain.errors import TransientError

PRODUCTS = "api/v4/products/"
_CODES = ("supplier_part_number", "supplier_part_no")
_NOT_SAID = frozenset({"", "0", "false", "no", "none", "n"})


async def read_catalogue(cursor: dict[str, Any], *, source: Source) -> Articles:
    """cursor: `offset`."""
    offset = int(cursor.get("offset", 0))
    params: dict[str, str | int] = {"limit": source.settings.page_size, "offset": offset, "format": "json"}
    try:
        page = WirePage.model_validate(await source.client.get(PRODUCTS, params))
        rows = [WireProduct.model_validate(row) for row in page.results]
    except ValidationError as error:
        raise TransientError("products: not the shape of a page") from error
    onward = offset + len(rows)
    more = bool(rows) and onward < page.count
    return Articles(tuple(map(_article, rows)), {"offset": onward} if more else None)


def _article(row: WireProduct) -> Article:
    """The supplier's own code is what its orders carry; where a retailer keeps none, its part number is."""
    code = next((text for name in _CODES if (text := _text(row.data, name))), row.part_number)
    gone = _text(row.data, "discontinued").casefold() not in _NOT_SAID
    return Article(code, _text(row.data, "barcode"), active=not gone)


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return "" if value is None else str(value).strip()
