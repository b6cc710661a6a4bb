"""Spans that are to be sent to collectors and webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0007"
down_revision = "observe_0006"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "export_queue",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "export", "id")),
        sa.Column("spans", sa.Integer(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "export", "id", name="pk_export_queue"),
    )


def downgrade() -> None:
    op.drop_table("export_queue")
