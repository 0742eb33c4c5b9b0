"""Returns that retailers ask for, and the answer that they are dealt with (virtualstock.md 6.6). What follows has no call: goods
are inspected and credited in the books.
"""

import hashlib
from datetime import datetime
from typing import Any

import simplejson
from pydantic import ValidationError

from app.connectors.virtualstock.mapping import ref_of
from app.connectors.virtualstock.notices import return_notice, unreadable
from app.connectors.virtualstock.orders import path_of, read_order
from app.connectors.virtualstock.payloads import WireReturn
from app.connectors.virtualstock.poll import Source, read_page
from app.domain.channel import Listed, Page, Return, Walk
from app.domain.errors import PermanentError, TransientError

RETURNS = "restapi/v4/returns/"
ASKED, SENT = "RMA", "DISPATCH"


async def read_returns(cursor: dict[str, Any], now: datetime, *, source: Source) -> Page:
    """cursor: `offset`, `number`: as of orders."""
    offset, number = int(cursor.get("offset", 0)), int(cursor.get("number", 1))
    params: dict[str, str | int] = {"limit": source.settings.page_size, "offset": offset, "format": "json"}
    page = await read_page(source, RETURNS, {"return_status": ASKED, **params})
    rows = tuple(_listed(row, number, source) for row in page.results)
    onward = offset + len(page.results)
    if page.results and onward < page.count:
        return Page((), {"offset": onward, "number": number}, more=True, walk=Walk(number, rows))
    return Page((), {"number": number + 1}, horizon=now, walk=Walk(number, rows, ended=True))


def _listed(row: dict[str, Any], number: int, source: Source) -> Listed:
    try:
        wire = WireReturn.model_validate(row)
        ref = ref_of(wire.order, source.settings)
    except ValueError as error:
        wrong = error.errors()[0]["loc"][0] if isinstance(error, ValidationError) else "order"
        spelt = simplejson.dumps(row, use_decimal=True, sort_keys=True).encode("ascii")
        digest = hashlib.sha256(spelt).hexdigest()[:32]
        draft = unreadable(source.connection, f"return/{digest}", str(wrong), spelt)
        return Listed(f"?{digest}", digest, draft)
    line = wire.order_item.line_reference
    body = {"id": wire.id, "line": line, "units": wire.quantity, "reason": wire.return_reason_code}
    draft = return_notice(source.connection, f"return/{wire.id}/{number}", ref, body)
    # A retailer that is configured later gives its orders another name: then its returns are to be told anew.
    shown = "/".join((ref, line, str(wire.quantity), wire.return_reason_code))
    return Listed(wire.id, shown, draft)


async def acknowledge_return(asked: Return, *, source: Source) -> bool:
    """Whether it was still asked for: the line is read first, so that a repeat changes nothing. Raises TransientError for a
    line of whose return the order does not tell yet.
    """
    wire = await read_order(source, asked.channel_id)
    item = next((one for one in wire.items if one.line_reference == asked.line), None)
    if item is None:
        raise PermanentError("E-LINE-UNKNOWN", f"Virtualstock has no line {asked.line} in this order")
    if item.status != ASKED:
        if item.status.startswith(f"{ASKED}_"):
            return False
        if item.status == SENT:
            raise TransientError(f"the order shows no return of line {asked.line} yet")
        raise PermanentError(
            "E-VS-REFUSED", f"line {asked.line} is {item.status}: no return can be acknowledged"
        )
    told = {"part_number": item.part_number, "line_ref": item.line_reference, "quantity": asked.units}
    path = f"{path_of(asked.channel_id)}return_acknowledge/?format=json"
    await source.client.send("POST", path, {"items": [told]})
    return True
