"""What channels offer and the ERP keeps, as it was last listed, and what of it does not fit."""

import sqlalchemy as sa
from alembic import op

revision = "0d5e8b27a4f1"
down_revision = "b8f05a6e2c17"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("walk", sa.DateTime(timezone=True), nullable=False),
        sa.Column("misfit", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("destination", "code", "barcode"),
    )
    op.create_index(
        "article_misfit",
        "article",
        ["misfit", "destination", "code", "barcode"],
        postgresql_where=sa.text("misfit IS NOT NULL"),
    )
    op.create_table(
        "article_walk",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("aligned_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("destination"),
    )


def downgrade() -> None:
    op.drop_table("article_walk")
    op.drop_table("article")
