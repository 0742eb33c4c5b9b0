"""Everything that the shop has for sale, size by size (centra.md 9). The list has no order to rely on: it is read for a report
only.
"""

from typing import Any

from pydantic import TypeAdapter

from app.connectors.centra.client import NotPermittedError, query
from app.connectors.centra.documents import SIZES
from app.connectors.centra.payloads import Size
from app.connectors.centra.poll import PAGE_SIZE, Source
from app.domain.channel import Article, Articles
from app.domain.errors import PermanentError, TransientError

_SIZES = TypeAdapter(tuple[Size, ...])


async def read_catalogue(cursor: dict[str, Any], *, source: Source) -> Articles:
    """cursor: `page`. A token that may not read sizes parks this alone."""
    page = int(cursor.get("page", 1))
    try:
        data = await query(source.client, SIZES, {"limit": PAGE_SIZE, "page": page})
    except NotPermittedError as error:
        raise PermanentError("E-CENTRA-PERMISSION", str(error)) from error
    try:
        rows = _SIZES.validate_python(data.get("productSizes"))
    except ValueError as error:
        raise TransientError("productSizes: not the shape of the schema") from error
    onward = {"page": page + 1} if len(rows) >= PAGE_SIZE else None
    return Articles(tuple(Article(row.sku, row.ean) for row in rows), onward)
