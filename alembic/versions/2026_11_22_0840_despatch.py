"""Which code each line was posted under, and orders by their document's id."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "d91f3a5c7e42"
down_revision = "c7a4e9d2b816"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("binding", sa.Column("codes", JSONB(), server_default=sa.text("'{}'"), nullable=False))
    op.create_index("binding_document_id", "binding", ["erp", "document_id"])


def downgrade() -> None:
    op.drop_index("binding_document_id", "binding")
    op.drop_column("binding", "codes")
