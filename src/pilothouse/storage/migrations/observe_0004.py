"""The events of responses that are streamed from the background, so that any worker can tell them again."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0004"
down_revision = "observe_0003"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "response_events",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("response_id", sa.Text(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "response_id", "first", name="pk_response_events"),
    )


def downgrade() -> None:
    op.drop_table("response_events")
