"""Calls of tools that wait for a person's word."""

import sqlalchemy as sa
from alembic import op

revision = "control_0014"
down_revision = "control_0013"
branch_labels = None


def upgrade() -> None:
    texts = ("project_id", "id", "status", "agent", "tool", "severity", "trace_id", "asker", "asked_by")
    op.create_table(
        "approvals",
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("created_us", "expires_us")),
        sa.Column("decided_us", sa.BigInteger(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("decided_by", "reason")),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_approvals"),
    )
    pending = sa.text("status = 'pending'")
    op.create_index(
        "ix_approvals_pending", "approvals", ["project_id", "id"], sqlite_where=pending, postgresql_where=pending
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("approvals")
