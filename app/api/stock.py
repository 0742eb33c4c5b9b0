"""/api/v1/stock: why a figure of stock is what it is, as far as our own ledger makes it."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from app.api.auth import Reader
from app.api.state import Given
from app.domain.availability import Term
from app.domain.lanes import sku_key
from app.ledger import outstanding
from app.mappings.read import load

routes = APIRouter(prefix="/api/v1/stock", tags=["stock"])


class Standing(BaseModel):
    """Units of one connection. `accepted`: not in the ERP yet. `shipped`: by the channel, not confirmed in the ERP.
    `despatched`: by the ERP, not completed in the channel.
    """

    connection: str
    accepted: Decimal = Decimal(0)
    shipped: Decimal = Decimal(0)
    despatched: Decimal = Decimal(0)


class Stock(BaseModel):
    """`sku`: the ERP's code, normalised. `orders`: which orders make the figures, the oldest first."""

    sku: str
    connections: list[Standing]
    orders: list[outstanding.Outstanding]


@routes.get("/{sku:path}", operation_id="explainStock")
async def one(
    state: Given,
    _reader: Reader,
    sku: Annotated[str, Path(min_length=1, max_length=200, description="the ERP's code")],
) -> Stock:
    """What the ERP's books do not show of a SKU. What it holds, reserved and sold by others is the ERP's own to tell."""
    rows = await outstanding.read(state.pool, sku, await load(state.pool))
    given = {term: outstanding.units_of(rows, term) for term in Term}
    connections = sorted({row.connection for row in rows})
    return Stock(
        sku=sku_key(sku),
        connections=[
            Standing(connection=name, **{term.value: given[term].get(name, Decimal(0)) for term in Term})
            for name in connections
        ],
        orders=rows,
    )
