"""What channels shipped by themselves, and whether the ERP has confirmed it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "b81d6f0a35c2"
down_revision = "e6b2d4c81f90"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shipped",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("shipment", sa.Text(), nullable=False),
        sa.Column("goods", JSONB(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("connection", "ref", "shipment"),
    )


def downgrade() -> None:
    op.drop_table("shipped")
