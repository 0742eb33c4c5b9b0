"""What of an order the ERP was last told, and locks of ours on its documents."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "a91c5e07d3b8"
down_revision = "c2f47a9d1e63"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("binding", sa.Column("applied", JSONB(), nullable=True))
    op.create_table(
        "erp_lock",
        sa.Column("erp", sa.Text(), nullable=False),
        sa.Column("document_id", sa.BigInteger(), nullable=False),
        sa.Column("lock_id", sa.BigInteger(), nullable=True),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("erp", "document_id"),
    )


def downgrade() -> None:
    op.drop_table("erp_lock")
    op.drop_column("binding", "applied")
