"""Every table, once. Migrations must equal this file (tests/db)."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel


def _stamp(*, nullable: bool = False) -> Any:
    default = None if nullable else text("now()")
    return Column(DateTime(timezone=True), nullable=nullable, server_default=default)


def _text(*, nullable: bool = False) -> Any:
    return Column(Text, nullable=nullable)


def _key() -> Any:
    return Column(Text, primary_key=True)


class IdempotencyKey(SQLModel, table=True):
    """Outlives payloads and partitions: one row per fact that was ever accepted. Ids rise with the table, so that a
    block index, which an append hardly feels, finds the keys of a range of messages.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("idempotency_message", "message_id", postgresql_using="brin"),)
    key: str = Field(sa_column=_key())
    message_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    source: str = Field(sa_column=_text())
    body_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=_stamp())


class KeyConflict(SQLModel, table=True):
    """A known key that came again with another body: kept as evidence, an incident."""

    __tablename__ = "key_conflict"
    key: str = Field(sa_column=_key())
    body_hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_column=_stamp())


class Message(SQLModel, table=True):
    """What arrived or must happen; never changed after it was appended. Partitioned by id."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_order", "source", "order_ref", postgresql_where=text("order_ref IS NOT NULL")),
        Index("message_parent", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=_text())
    cls: str = Field(sa_column=_text())
    destination: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    key: str | None = Field(sa_column=_text(nullable=True))
    order_ref: str | None = Field(sa_column=_text(nullable=True))
    body: dict[str, Any] | None = Field(sa_column=Column(JSONB, nullable=True))
    raw: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    parent_id: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    received_at: datetime = Field(sa_column=_stamp())


class MessageState(SQLModel, table=True):
    """The narrow hot row of an open message; it is deleted when the receipt is written.

    `lanes`: the `sku:` and `state:` lanes it stands in once entered. `ticket`: its number in all of them, None while
    it stands in none. `due_at` is infinity while it waits behind another message of its order lane.
    """

    __tablename__ = "message_state"
    __table_args__ = (
        Index("claimable", "destination", "kind", "due_at", "id", postgresql_where=text("state = 'ready'")),
        Index("doubtful", "destination", "kind", "due_at", postgresql_where=text("state = 'in_doubt'")),
        Index("leased", "destination", "kind", "id", postgresql_where=text("state = 'leased'")),
        Index("enterable", "due_at", "id", postgresql_where=text("state = 'waiting' AND NOT entered")),
        Index("entered_waiting", "id", postgresql_where=text("state = 'waiting' AND entered")),
        Index("coalescing", "coalesce_key", postgresql_where=text("coalesce_key IS NOT NULL")),
        Index("open_order", "source", "order_ref", postgresql_where=text("order_ref IS NOT NULL")),
        Index("parked", "id", postgresql_where=text("state = 'parked'")),
        CheckConstraint(
            "state IN ('waiting', 'ready', 'leased', 'in_doubt', 'parked')", name="message_state_known"
        ),
        {"postgresql_with": {"fillfactor": "60"}},
    )
    id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=_text())
    destination: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    order_ref: str | None = Field(sa_column=_text(nullable=True))
    coalesce_key: str | None = Field(sa_column=_text(nullable=True))
    state: str = Field(sa_column=_text())
    due_at: datetime = Field(sa_column=_stamp())
    entered: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    blockers: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    order_lane: str | None = Field(sa_column=_text(nullable=True))
    order_ticket: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    lanes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    ticket: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    waits_since: datetime | None = Field(sa_column=_stamp(nullable=True))
    token: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    lease_until: datetime | None = Field(sa_column=_stamp(nullable=True))
    worker: str | None = Field(sa_column=_text(nullable=True))
    attempts: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    failed_since: datetime | None = Field(sa_column=_stamp(nullable=True))
    locked_since: datetime | None = Field(sa_column=_stamp(nullable=True))
    send_begun: bool = Field(sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    doubt_since: datetime | None = Field(sa_column=_stamp(nullable=True))
    waited: float = Field(sa_column=Column(Double, nullable=False, server_default=text("0")))
    probes: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    aside: str | None = Field(sa_column=_text(nullable=True))
    note: str | None = Field(sa_column=_text(nullable=True))
    received_at: datetime = Field(sa_column=_stamp())


class Receipt(SQLModel, table=True):
    """How a message ended. Partitioned as messages are."""

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint(
            "result IN ('applied', 'no_effect', 'superseded', 'cancelled')", name="receipt_result_known"
        ),
        {"postgresql_partition_by": "RANGE (message_id)"},
    )
    message_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    kind: str = Field(sa_column=_text())
    source: str = Field(sa_column=_text())
    result: str = Field(sa_column=_text())
    note: str | None = Field(sa_column=_text(nullable=True))
    keyed: bool = Field(sa_column=Column(Boolean, nullable=False))
    aside: str | None = Field(sa_column=_text(nullable=True))
    received_at: datetime = Field(sa_column=_stamp())
    done_at: datetime = Field(sa_column=_stamp())


class Attempt(SQLModel, table=True):
    """One claim of a message and what became of it. Partitioned as messages are."""

    __tablename__ = "attempt"
    __table_args__ = ({"postgresql_partition_by": "RANGE (message_id)"},)
    message_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    token: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    worker: str | None = Field(sa_column=_text(nullable=True))
    verdict: str = Field(sa_column=_text())
    error: str | None = Field(sa_column=_text(nullable=True))
    at: datetime = Field(sa_column=_stamp())


class MessageRollup(SQLModel, table=True):
    """What dropped partitions held, so that the balance still closes."""

    __tablename__ = "message_rollup"
    source: str = Field(sa_column=_key())
    result: str = Field(sa_column=_key())
    messages: int = Field(sa_column=Column(BigInteger, nullable=False))


class Lane(SQLModel, table=True):
    """Nothing but a row to lock."""

    __tablename__ = "lane"
    key: str = Field(sa_column=_key())


class Ticket(SQLModel, table=True):
    """A message's place in a lane; the smallest is the head."""

    __tablename__ = "ticket"
    lane: str = Field(sa_column=_key())
    ticket: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    message_id: int = Field(sa_column=Column(BigInteger, nullable=False))


class Destination(SQLModel, table=True):
    """Budget, breaker and adaptive concurrency of one system and connection, shared by all workers."""

    __tablename__ = "destination"
    name: str = Field(sa_column=_key())
    tokens: float = Field(sa_column=Column(Double, nullable=False, server_default=text("0")))
    spare: float = Field(sa_column=Column(Double, nullable=False, server_default=text("0")))
    refilled_at: datetime = Field(sa_column=_stamp())
    slots: float = Field(sa_column=Column(Double, nullable=False, server_default=text("1")))
    failures: int = Field(sa_column=Column(Integer, nullable=False, server_default=text("0")))
    resume_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    opened_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    error: str | None = Field(sa_column=_text(nullable=True))


class Intent(SQLModel, table=True):
    """Committed before a send whose repeat would double."""

    __tablename__ = "intent"
    __table_args__ = (Index("intent_key", "probe_key"),)
    message_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    token: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    operation: str = Field(sa_column=_text())
    probe_key: str = Field(sa_column=_text())
    request_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_column=_stamp())


class PollCursor(SQLModel, table=True):
    """How far a poll has read. `heard`: the hints of its connection when the walk began that it is in; null between walks."""

    __tablename__ = "poll_cursor"
    connection: str = Field(sa_column=_key())
    poll: str = Field(sa_column=_key())
    cursor: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    horizon: datetime | None = Field(sa_column=_stamp(nullable=True))
    moved_at: datetime = Field(sa_column=_stamp())
    heard: int | None = Field(sa_column=Column(BigInteger, nullable=True))


class ChannelHint(SQLModel, table=True):
    """How often somebody told that something happened in a channel."""

    __tablename__ = "channel_hint"
    connection: str = Field(sa_column=_key())
    hints: int = Field(sa_column=Column(BigInteger, nullable=False))


class ChannelListing(SQLModel, table=True):
    """What a list that tells no changes held when it was last walked. `walk`: the last that saw it; `changed_in`: the
    last that found it new or changed.
    """

    __tablename__ = "channel_listing"
    __table_args__ = (Index("channel_listing_order", "connection", "order_ref"),)
    connection: str = Field(sa_column=_key())
    poll: str = Field(sa_column=_key())
    item: str = Field(sa_column=_key())
    fingerprint: str = Field(sa_column=_text())
    order_ref: str | None = Field(sa_column=_text(nullable=True))
    walk: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_in: int = Field(sa_column=Column(BigInteger, nullable=False))


class OrderSnapshot(SQLModel, table=True):
    """The newest snapshot of a channel order that we have seen, in our words. `sent`: an older one that the ERP was told, if
    no answer had come when the next was seen.
    """

    __tablename__ = "order_snapshot"
    __table_args__ = (Index("order_snapshot_held", "standing"),)
    connection: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_key())
    snapshot: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    snapshot_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    standing: str = Field(sa_column=_text())
    hold_reason: str = Field(sa_column=_text())
    version_at: datetime = Field(sa_column=_stamp())
    first_seen_at: datetime = Field(sa_column=_stamp())
    changed_at: datetime = Field(sa_column=_stamp())
    sent: dict[str, Any] | None = Field(sa_column=Column(JSONB, nullable=True))


class OrderLine(SQLModel, table=True):
    """Cumulative counters of a line; `sku` is normalised."""

    __tablename__ = "order_line"
    __table_args__ = (Index("order_line_sku", "sku"),)
    connection: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_key())
    line_ref: str = Field(sa_column=_key())
    sku: str = Field(sa_column=_text())
    ordered: int = Field(sa_column=Column(Integer, nullable=False))
    cancelled: int = Field(sa_column=Column(Integer, nullable=False))


class Binding(SQLModel, table=True):
    """Channel order <-> Sage document."""

    __tablename__ = "binding"
    __table_args__ = (
        Index("binding_document", "document_no"),
        Index("binding_document_id", "erp", "document_id"),
        Index("binding_key", "probe_key", unique=True),
    )
    connection: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_key())
    erp: str = Field(sa_column=_text())
    document_id: int = Field(sa_column=Column(BigInteger, nullable=False))
    document_no: str = Field(sa_column=_text())
    probe_key: str = Field(sa_column=_text())
    snapshot_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    net: Decimal = Field(sa_column=Column(Numeric(18, 2), nullable=False))
    tax: Decimal = Field(sa_column=Column(Numeric(18, 2), nullable=False))
    gross: Decimal = Field(sa_column=Column(Numeric(18, 2), nullable=False))
    adopted: bool = Field(sa_column=Column(Boolean, nullable=False))
    codes: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    bound_at: datetime = Field(sa_column=_stamp())
    applied: dict[str, Any] | None = Field(sa_column=Column(JSONB, nullable=True))


class ErpLock(SQLModel, table=True):
    """A lock of ours on a document of the ERP. `lock_id` is null until the ERP has answered."""

    __tablename__ = "erp_lock"
    erp: str = Field(sa_column=_key())
    document_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    lock_id: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    worker: str = Field(sa_column=_text())
    taken_at: datetime = Field(sa_column=_stamp())


class ParcelTold(SQLModel, table=True):
    """What a channel was told of a despatch note: units of its lines, and what the note said then."""

    __tablename__ = "parcel_told"
    connection: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_key())
    note: str = Field(sa_column=_key())
    lines: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    courier: str = Field(sa_column=_text())
    consignment: str = Field(sa_column=_text())
    goods: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    told_at: datetime = Field(sa_column=_stamp())


class Shipped(SQLModel, table=True):
    """What a channel shipped by itself: `goods` is ERP code -> units, as text. `confirmed_at` is null until the ERP has it:
    until then the goods are gone and its books still hold them (RC-02).
    """

    __tablename__ = "shipped"
    __table_args__ = (Index("shipped_open", "seen_at", postgresql_where=text("confirmed_at IS NULL")),)
    connection: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_key())
    shipment: str = Field(sa_column=_key())
    goods: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    seen_at: datetime = Field(sa_column=_stamp())
    confirmed_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class DespatchSeen(SQLModel, table=True):
    """A despatch note of the ERP as it was last read: `goods` is ERP code -> units, as text. `told_at` is null until the
    channel has it: until then the goods have left the ERP's stock and the channel still holds them (RC-03).
    """

    __tablename__ = "despatch_seen"
    __table_args__ = (
        Index("despatch_seen_order", "connection", "ref"),
        Index("despatch_untold", "seen_at", postgresql_where=text("told_at IS NULL")),
    )
    erp: str = Field(sa_column=_key())
    document_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    note: str = Field(sa_column=_key())
    connection: str = Field(sa_column=_text())
    ref: str = Field(sa_column=_text())
    goods: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    seen_at: datetime = Field(sa_column=_stamp())
    told_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class ReferenceTaken(SQLModel, table=True):
    """Which order bears the ERP's number in an account of a channel. `filed_at`: a file that tells it was written then."""

    __tablename__ = "reference_taken"
    account: str = Field(sa_column=_key())
    number: str = Field(sa_column=_key())
    connection: str = Field(sa_column=_text())
    ref: str = Field(sa_column=_text())
    taken_at: datetime = Field(sa_column=_stamp())
    filed_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class ReturnAsked(SQLModel, table=True):
    """A return that a channel was asked for: units of one of the order's lines."""

    __tablename__ = "return_asked"
    __table_args__ = (Index("return_asked_order", "connection", "ref"),)
    connection: str = Field(sa_column=_key())
    id: str = Field(sa_column=_key())
    ref: str = Field(sa_column=_text())
    line_ref: str = Field(sa_column=_text())
    units: int = Field(sa_column=Column(Integer, nullable=False))
    reason: str = Field(sa_column=_text())
    seen_at: datetime = Field(sa_column=_stamp())
    acknowledged_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class ExceptionCase(SQLModel, table=True):
    """Something a person must settle (or know): opened by a park or by a flag; a flag holds nothing up."""

    __tablename__ = "exception_case"
    __table_args__ = (
        Index("exception_open", "code", postgresql_where=text("closed_at IS NULL")),
        Index("exception_newest", "id", postgresql_where=text("closed_at IS NULL")),
        Index("exception_message", "message_id", postgresql_where=text("closed_at IS NULL")),
        Index("exception_order", "source", "order_ref"),
    )
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    message_id: int | None = Field(sa_column=Column(BigInteger, nullable=True))
    source: str = Field(sa_column=_text())
    order_ref: str | None = Field(sa_column=_text(nullable=True))
    flag: bool = Field(sa_column=Column(Boolean, nullable=False))
    code: str = Field(sa_column=_text())
    owner: str = Field(sa_column=_text())
    violations: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    needs: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    opened_at: datetime = Field(sa_column=_stamp())
    closed_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    resolution: str | None = Field(sa_column=_text(nullable=True))


class MappingRow(SQLModel, table=True):
    """One row of a table that people edit; `row` was validated by its model in app.domain.rules."""

    __tablename__ = "mapping_row"
    table_name: str = Field(sa_column=_key())
    row_key: str = Field(sa_column=_key())
    row: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    version: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_at: datetime = Field(sa_column=_stamp())
    changed_by: str = Field(sa_column=_text())


class Audit(SQLModel, table=True):
    """Append-only (triggers refuse UPDATE, DELETE and TRUNCATE)."""

    __tablename__ = "audit"
    id: int | None = Field(default=None, sa_column=Column(BigInteger, primary_key=True))
    at: datetime = Field(sa_column=_stamp())
    actor: str = Field(sa_column=_text())
    action: str = Field(sa_column=_text())
    object: str = Field(sa_column=_text())
    detail: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    reason: str = Field(sa_column=_text())


class Article(SQLModel, table=True):
    """What a channel offers or the ERP keeps, as the last walk found it. `misfit`: why an order of it would park, or that
    no channel offers it; null where it fits.
    """

    __tablename__ = "article"
    __table_args__ = (
        Index(
            "article_misfit",
            "misfit",
            "destination",
            "code",
            "barcode",
            postgresql_where=text("misfit IS NOT NULL"),
        ),
    )
    destination: str = Field(sa_column=_key())
    code: str = Field(sa_column=_key())
    barcode: str = Field(sa_column=_key())
    active: bool = Field(sa_column=Column(Boolean, nullable=False))
    walk: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    misfit: str | None = Field(sa_column=_text(nullable=True))


class ArticleWalk(SQLModel, table=True):
    """When a catalogue was last walked: begun, read to its end, compared with the others."""

    __tablename__ = "article_walk"
    destination: str = Field(sa_column=_key())
    began_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    listed_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    aligned_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class ApiKey(SQLModel, table=True):
    """Only the SHA-256 of a key is kept."""

    __tablename__ = "api_key"
    id: str = Field(sa_column=_key())
    name: str = Field(sa_column=_text())
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    scopes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    created_at: datetime = Field(sa_column=_stamp())
    expires_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    revoked_at: datetime | None = Field(sa_column=_stamp(nullable=True))
    used_at: datetime | None = Field(sa_column=_stamp(nullable=True))


class ApiAnswer(SQLModel, table=True):
    """What a client was answered under its Idempotency-Key; `answer` is null while the request runs."""

    __tablename__ = "api_answer"
    __table_args__ = (Index("api_answer_at", "at"),)
    client: str = Field(sa_column=_key())
    key: str = Field(sa_column=_key())
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    at: datetime = Field(sa_column=_stamp())
    answer: str | None = Field(sa_column=_text(nullable=True))


class KeptSecret(SQLModel, table=True):
    """A secret that we made ourselves and that all processes share, such as the one that signs the console's cookies."""

    __tablename__ = "kept_secret"
    name: str = Field(sa_column=_key())
    value: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime = Field(sa_column=_stamp())


class ErpToken(SQLModel, table=True):
    """The rotating token pair of one ERP connection, and the lease of whoever refreshes it."""

    __tablename__ = "erp_token"
    name: str = Field(sa_column=_key())
    access_token: str = Field(sa_column=_text())
    access_until: datetime = Field(sa_column=_stamp())
    refresh_token: str = Field(sa_column=_text())
    saved_at: datetime = Field(sa_column=_stamp())
    lease_until: datetime | None = Field(sa_column=_stamp(nullable=True))
    lease_holder: str | None = Field(sa_column=_text(nullable=True))


class Heartbeat(SQLModel, table=True):
    __tablename__ = "heartbeat"
    process: str = Field(sa_column=_key())
    role: str = Field(sa_column=_text())
    state: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_stamp())


class DirtySku(SQLModel, table=True):
    """A SKU whose stock must be read anew: something about it happened out of order."""

    __tablename__ = "dirty_sku"
    sku: str = Field(sa_column=_key())
    reason: str = Field(sa_column=_text())
    at: datetime = Field(sa_column=_stamp())
