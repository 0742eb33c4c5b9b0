"""Numbers that channels were told, one of a kind in each account; returns that retailers ask for."""

import sqlalchemy as sa
from alembic import op

revision = "b8f05a6e2c17"
down_revision = "f2a71c64d9b3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reference_taken",
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account", "number"),
    )
    op.create_table(
        "return_asked",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("line_ref", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("connection", "id"),
    )


def downgrade() -> None:
    op.drop_table("return_asked")
    op.drop_table("reference_taken")
