"""Answers that the Responses API keeps, so that they can be read again and gone on from."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0003"
down_revision = "observe_0002"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "responses",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("previous_id", sa.Text()),
        sa.Column("lease_until_us", sa.BigInteger()),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_responses"),
    )
    op.create_index("ix_responses_expires_us", "responses", ["expires_us"])


def downgrade() -> None:
    op.drop_table("responses")
