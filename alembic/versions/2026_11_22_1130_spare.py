"""The part of a budget that is for polls."""

import sqlalchemy as sa
from alembic import op

revision = "b4d7a90c2e15"
down_revision = "0d5e8b27a4f1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("destination", sa.Column("spare", sa.Double(), server_default=sa.text("0"), nullable=False))


def downgrade() -> None:
    op.drop_column("destination", "spare")
