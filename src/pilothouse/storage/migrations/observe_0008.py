"""Questions as vectors, and the topics found in them."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0008"
down_revision = "observe_0007"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "question_vectors",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "trace_id")),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text()),
        *(sa.Column(name, sa.Float()) for name in ("x", "y")),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "trace_id", name="pk_question_vectors"),
    )
    op.create_index("ix_question_vectors_at", "question_vectors", ["project_id", "at_us", "trace_id", "topic"])
    op.create_index("ix_question_vectors_topic", "question_vectors", ["project_id", "topic", "at_us", "trace_id"])
    op.create_table(
        "topics",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "id")),
        sa.Column("size", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("x", "y")),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_topics"),
    )
    op.create_table(
        "topic_states",
        sa.Column("project_id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("cursor_us", "made_us")),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_topic_states"),
    )


def downgrade() -> None:
    for table in ("topic_states", "topics", "question_vectors"):
        op.drop_table(table)
