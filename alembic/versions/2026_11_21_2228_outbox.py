"""The outbox, the ledger, mappings and keys."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "4f2e780cdeba"
down_revision = None
branch_labels = None
depends_on = None


PARTITIONED = {"message": "id", "receipt": "message_id", "attempt": "message_id"}
PARTITION_ROWS = 1_000_000


def upgrade() -> None:
    op.execute("CREATE SEQUENCE message_id_seq CACHE 1")
    op.execute("CREATE SEQUENCE ticket_seq CACHE 1")
    op.execute("CREATE SEQUENCE token_seq CACHE 1")
    op.create_table(
        "api_answer",
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("client", "key"),
    )
    op.create_index("api_answer_at", "api_answer", ["at"], unique=False)
    op.create_table(
        "api_key",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "attempt",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "token"),
        postgresql_partition_by="RANGE (message_id)",
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "binding",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("erp", sa.Text(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("document_no", sa.Text(), nullable=False),
        sa.Column("probe_key", sa.Text(), nullable=False),
        sa.Column("snapshot_hash", sa.LargeBinary(), nullable=False),
        sa.Column("net", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("tax", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("gross", sa.Numeric(precision=18, scale=2), nullable=False),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("connection", "ref"),
    )
    op.create_index("binding_document", "binding", ["document_no"], unique=False)
    op.create_index("binding_key", "binding", ["probe_key"], unique=True)
    op.create_table(
        "destination",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("refilled_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("slots", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("resume_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "dirty_sku",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("sku"),
    )
    op.create_table(
        "erp_token",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("access_token", sa.Text(), nullable=False),
        sa.Column(
            "access_until", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("refresh_token", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_holder", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "exception_case",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=True),
        sa.Column("flag", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("violations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("needs", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "exception_message",
        "exception_case",
        ["message_id"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "exception_open",
        "exception_case",
        ["code"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("exception_order", "exception_case", ["source", "order_ref"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("process"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index(
        "idempotency_message", "idempotency_key", ["message_id"], unique=False, postgresql_using="brin"
    )
    op.create_table(
        "intent",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("probe_key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "token"),
    )
    op.create_index("intent_key", "intent", ["probe_key"], unique=False)
    op.create_table(
        "key_conflict",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("key", "body_hash"),
    )
    op.create_table("lane", sa.Column("key", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("key"))
    op.create_table(
        "mapping_row",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("row_key", sa.Text(), nullable=False),
        sa.Column("row", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("table_name", "row_key"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cls", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("order_ref", sa.Text(), nullable=True),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index(
        "message_order",
        "message",
        ["source", "order_ref"],
        unique=False,
        postgresql_where=sa.text("order_ref IS NOT NULL"),
    )
    op.create_index(
        "message_parent",
        "message",
        ["parent_id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_table(
        "message_rollup",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "result"),
    )
    op.create_table(
        "message_state",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=True),
        sa.Column("coalesce_key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("entered", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("blockers", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("order_lane", sa.Text(), nullable=True),
        sa.Column("order_ticket", sa.BigInteger(), nullable=True),
        sa.Column("lanes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("ticket", sa.BigInteger(), nullable=True),
        sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("send_begun", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("doubt_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("aside", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'ready', 'leased', 'in_doubt', 'parked')", name="message_state_known"
        ),
        sa.PrimaryKeyConstraint("id"),
        postgresql_with={"fillfactor": "60"},
    )
    op.create_index(
        "claimable",
        "message_state",
        ["destination", "kind", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'ready'"),
    )
    op.create_index(
        "coalescing",
        "message_state",
        ["coalesce_key"],
        unique=False,
        postgresql_where=sa.text("coalesce_key IS NOT NULL"),
    )
    op.create_index(
        "doubtful",
        "message_state",
        ["destination", "kind", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'in_doubt'"),
    )
    op.create_index(
        "enterable",
        "message_state",
        ["due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting' AND NOT entered"),
    )
    op.create_index(
        "entered_waiting",
        "message_state",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting' AND entered"),
    )
    op.create_index(
        "leased",
        "message_state",
        ["destination", "kind", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'leased'"),
    )
    op.create_index(
        "open_order",
        "message_state",
        ["source", "order_ref"],
        unique=False,
        postgresql_where=sa.text("order_ref IS NOT NULL"),
    )
    op.create_index(
        "parked", "message_state", ["id"], unique=False, postgresql_where=sa.text("state = 'parked'")
    )
    op.create_table(
        "order_line",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("line_ref", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("ordered", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "ref", "line_ref"),
    )
    op.create_index("order_line_sku", "order_line", ["sku"], unique=False)
    op.create_table(
        "order_snapshot",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("snapshot_hash", sa.LargeBinary(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("hold_reason", sa.Text(), nullable=False),
        sa.Column("version_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "first_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("connection", "ref"),
    )
    op.create_index("order_snapshot_held", "order_snapshot", ["standing"], unique=False)
    op.create_table(
        "poll_cursor",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("poll", sa.Text(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("horizon", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("connection", "poll"),
    )
    op.create_table(
        "receipt",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("keyed", sa.Boolean(), nullable=False),
        sa.Column("aside", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "result IN ('applied', 'no_effect', 'superseded', 'cancelled')", name="receipt_result_known"
        ),
        sa.PrimaryKeyConstraint("message_id"),
        postgresql_partition_by="RANGE (message_id)",
    )
    op.create_table(
        "ticket",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("ticket", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "ticket"),
    )
    for table in PARTITIONED:
        for number in range(4):
            low, high = number * PARTITION_ROWS, (number + 1) * PARTITION_ROWS
            op.execute(
                f"CREATE TABLE {table}_p{number} PARTITION OF {table} FOR VALUES FROM ({low}) TO ({high})"
            )
    op.execute(
        "CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def downgrade() -> None:
    op.drop_table("ticket")
    op.drop_table("receipt")
    op.drop_table("poll_cursor")
    op.drop_index("order_snapshot_held", table_name="order_snapshot")
    op.drop_table("order_snapshot")
    op.drop_index("order_line_sku", table_name="order_line")
    op.drop_table("order_line")
    op.drop_index("parked", table_name="message_state", postgresql_where=sa.text("state = 'parked'"))
    op.drop_index("open_order", table_name="message_state", postgresql_where=sa.text("order_ref IS NOT NULL"))
    op.drop_index("leased", table_name="message_state", postgresql_where=sa.text("state = 'leased'"))
    op.drop_index(
        "entered_waiting",
        table_name="message_state",
        postgresql_where=sa.text("state = 'waiting' AND entered"),
    )
    op.drop_index(
        "enterable", table_name="message_state", postgresql_where=sa.text("state = 'waiting' AND NOT entered")
    )
    op.drop_index("doubtful", table_name="message_state", postgresql_where=sa.text("state = 'in_doubt'"))
    op.drop_index(
        "coalescing", table_name="message_state", postgresql_where=sa.text("coalesce_key IS NOT NULL")
    )
    op.drop_index("claimable", table_name="message_state", postgresql_where=sa.text("state = 'ready'"))
    op.drop_table("message_state")
    op.drop_table("message_rollup")
    op.drop_index("message_parent", table_name="message", postgresql_where=sa.text("parent_id IS NOT NULL"))
    op.drop_index("message_order", table_name="message", postgresql_where=sa.text("order_ref IS NOT NULL"))
    op.drop_table("message")
    op.drop_table("mapping_row")
    op.drop_table("lane")
    op.drop_table("key_conflict")
    op.drop_index("intent_key", table_name="intent")
    op.drop_table("intent")
    op.drop_index("idempotency_message", table_name="idempotency_key", postgresql_using="brin")
    op.drop_table("idempotency_key")
    op.drop_table("heartbeat")
    op.drop_index("exception_order", table_name="exception_case")
    op.drop_index(
        "exception_open", table_name="exception_case", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_index(
        "exception_message", table_name="exception_case", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("exception_case")
    op.drop_table("erp_token")
    op.drop_table("dirty_sku")
    op.drop_table("destination")
    op.drop_index("binding_key", table_name="binding")
    op.drop_index("binding_document", table_name="binding")
    op.drop_table("binding")
    op.drop_table("audit")
    op.drop_table("attempt")
    op.drop_table("api_key")
    op.drop_index("api_answer_at", table_name="api_answer")
    op.drop_table("api_answer")
    op.execute("DROP FUNCTION audit_is_append_only")
    for sequence in ("message_id_seq", "ticket_seq", "token_seq"):
        op.execute(f"DROP SEQUENCE {sequence}")
