"""How often somebody told that something happened."""

import sqlalchemy as sa
from alembic import op

revision = "6f20c1d94be7"
down_revision = "b4d7a90c2e15"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "channel_hint",
        sa.Column("connection", sa.Text(), primary_key=True),
        sa.Column("hints", sa.BigInteger(), nullable=False),
    )
    op.add_column("poll_cursor", sa.Column("heard", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("poll_cursor", "heard")
    op.drop_table("channel_hint")
