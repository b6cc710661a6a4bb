"""What is known of judges."""

import sqlalchemy as sa
from alembic import op

revision = "control_0010"
down_revision = "control_0009"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "judge_cards",
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.Column("labelled", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=True) for name in ("kappa", "low")),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_judge_cards"),
    )
    op.create_index("ix_judge_cards_judge", "judge_cards", ["project_id", "kind", "options", "model"])


def downgrade() -> None:
    op.drop_table("judge_cards")


_TEXTS = ("project_id", "id", "model", "kind", "options", "criterion")
