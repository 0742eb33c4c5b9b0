"""What we know of the orders of a batch before they are compared with a fresh read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from app.domain.channel import Channel
from app.domain.rules import Mappings
from app.flows.context import Context
from app.ledger import binding, shipped, snapshot
from app.ledger.binding import Binding
from app.ledger.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class OpenEffect:
    """`unsent`: it may still be amended."""

    id: int
    unsent: bool
    state: str
    lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What we know of the orders of a batch, by ref. `erp`: the ERP's name."""

    erp: str
    snapshots: Mapping[str, Snapshot]
    bindings: Mapping[str, Binding]
    places: Mapping[str, OpenEffect]
    # Whose change or cancellation is still to be looked at, and those of them that wait for a person.
    revising: frozenset[str]
    parked: Mapping[str, OpenEffect]
    # Keys of place effects that there ever were.
    placed: frozenset[str]
    mappings: Mappings
    # The channel, where it waits for an answer to a cancellation.
    answers: Channel | None = None
    # Shipments of the channel's own that are known.
    shipped: Mapping[str, frozenset[str]] = field(default_factory=dict)
    # The channel, where it wants to hear of orders.
    tells: Channel | None = None
    # Whose acknowledgement is on its way, or waits for a person.
    telling: frozenset[str] = frozenset()
    # Whether orders are found in lists that tell no changes.
    listed: bool = False


async def read_known(ctx: Context, channel: Channel, refs: Sequence[str]) -> Known:
    """Effects before bindings: one that ends in between is then bound, and not simply gone."""
    mappings = await ctx.mappings()
    name, connection = ctx.erp.name, channel.connection
    rows = await ctx.pool.fetch(
        """
        SELECT id, order_ref, kind, state, send_begun, lanes FROM message_state
        WHERE source = $1 AND order_ref = ANY($2::text[]) AND kind = ANY($3::text[])
        """,
        connection,
        list(refs),
        [
            *(f"{name}.sales_order.{verb}" for verb in ("place", "change", "cancel")),
            f"{channel.name}.acknowledge",
        ],
    )
    keys = await ctx.pool.fetch(
        "SELECT key FROM idempotency_key WHERE key = ANY($1::text[])",
        [place_key(name, connection, ref) for ref in refs],
    )
    places = {row["order_ref"]: _open(row) for row in rows if row["kind"].endswith(".place")}
    revising = [row for row in rows if row["kind"].endswith((".change", ".cancel"))]
    parked = {
        row["order_ref"]: _open(row) for row in revising if row["state"] == "parked" and not row["send_begun"]
    }
    return Known(
        name,
        await snapshot.read(ctx.pool, connection, refs),
        await binding.read(ctx.pool, connection, refs),
        places,
        frozenset(row["order_ref"] for row in revising),
        parked,
        frozenset(row["key"] for row in keys),
        mappings,
        channel if channel.answer_cancellation else None,
        await shipped.noted(ctx.pool, connection, refs),
        channel if channel.acknowledge else None,
        frozenset(row["order_ref"] for row in rows if row["kind"].endswith(".acknowledge")),
        channel.unpack is not None,
    )


def _open(row: asyncpg.Record) -> OpenEffect:
    unsent = row["state"] in {"waiting", "ready", "parked"} and not row["send_begun"]
    return OpenEffect(row["id"], unsent, row["state"], tuple(row["lanes"]))


def place_key(erp: str, connection: str, ref: str) -> str:
    return f"{erp}/sales_order/{connection}/{ref}"
