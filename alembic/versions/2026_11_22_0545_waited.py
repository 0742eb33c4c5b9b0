"""How much of a quarantine was waited, apart from any clock."""

import sqlalchemy as sa
from alembic import op

revision = "b3d1c6f0a5e2"
down_revision = "4f2e780cdeba"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "message_state", sa.Column("waited", sa.Double(), server_default=sa.text("0"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("message_state", "waited")
