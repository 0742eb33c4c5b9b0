"""Secrets that all processes share; the audit trail cannot be emptied either; open exceptions are found by id."""

import sqlalchemy as sa
from alembic import op

revision = "7c41d09e5b3a"
down_revision = "d91f3a5c7e42"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_secret",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(
        "exception_newest", "exception_case", ["id"], unique=False, postgresql_where=sa.text("closed_at IS NULL")
    )
    op.execute(
        "CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON audit "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_never_emptied ON audit")
    op.drop_index(
        "exception_newest", table_name="exception_case", postgresql_where=sa.text("closed_at IS NULL")
    )
    op.drop_table("kept_secret")
