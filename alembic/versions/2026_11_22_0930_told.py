"""What channels were told of despatch notes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "e6b2d4c81f90"
down_revision = "7c41d09e5b3a"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "parcel_told",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("lines", JSONB(), nullable=False),
        sa.Column("courier", sa.Text(), nullable=False),
        sa.Column("consignment", sa.Text(), nullable=False),
        sa.Column("goods", JSONB(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("connection", "ref", "note"),
    )


def downgrade() -> None:
    op.drop_table("parcel_told")
