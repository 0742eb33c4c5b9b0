"""The order as it was sent without an answer, once the channel showed a newer one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "c08a4f71e25d"
down_revision = "7e31c5d09a64"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("order_snapshot", sa.Column("sent", JSONB(), nullable=True))


def downgrade() -> None:
    op.drop_column("order_snapshot", "sent")
