"""Despatches of the ERP that a channel was not told yet, and an index of what a channel shipped and the ERP lacks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "f2a71c64d9b3"
down_revision = "a91c5e07d3b8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "despatch_seen",
        sa.Column("erp", sa.Text(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("goods", JSONB(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("erp", "document_id", "note"),
    )
    op.create_index("despatch_seen_order", "despatch_seen", ["connection", "ref"])
    op.create_index(
        "despatch_untold", "despatch_seen", ["seen_at"], postgresql_where=sa.text("told_at IS NULL")
    )
    op.create_index("shipped_open", "shipped", ["seen_at"], postgresql_where=sa.text("confirmed_at IS NULL"))


def downgrade() -> None:
    op.drop_index("shipped_open", "shipped")
    op.drop_table("despatch_seen")
