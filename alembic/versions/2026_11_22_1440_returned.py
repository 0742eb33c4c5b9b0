"""Returns of an order are found by it."""

from alembic import op

revision = "7e31c5d09a64"
down_revision = "6f20c1d94be7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("return_asked_order", "return_asked", ["connection", "ref"])


def downgrade() -> None:
    op.drop_index("return_asked_order", "return_asked")
