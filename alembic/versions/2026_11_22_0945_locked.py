"""Since when a message waits for a record that a person has open."""

import sqlalchemy as sa
from alembic import op

revision = "c2f47a9d1e63"
down_revision = "b81d6f0a35c2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message_state", sa.Column("locked_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("message_state", "locked_since")
