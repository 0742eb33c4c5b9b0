"""What a channel's list held when it was last walked."""

import sqlalchemy as sa
from alembic import op

revision = "c7a4e9d2b816"
down_revision = "b3d1c6f0a5e2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_listing",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("poll", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=True),
        sa.Column("walk", sa.BigInteger(), nullable=False),
        sa.Column("changed_in", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "poll", "item"),
    )
    op.create_index("channel_listing_order", "channel_listing", ["connection", "order_ref"])


def downgrade() -> None:
    op.drop_table("channel_listing")
