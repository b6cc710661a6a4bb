"""What versions of prompts have shown: verdicts, and where the watch over labels stands."""

import sqlalchemy as sa
from alembic import op

revision = "control_0012"
down_revision = "control_0011"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "prompt_verdicts",
        *_texts("project_id", "id", "prompt"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_texts("label"),
        sa.Column("against", sa.Integer(), nullable=True),
        *_texts("rule"),
        *_texts("dataset_id", nullable=True),
        sa.Column("dataset_version", sa.Integer(), nullable=True),
        *_texts("run_id"),
        *_texts("baseline_run_id", nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=False),
        *_texts("actor"),
        sa.Column("made_us", sa.BigInteger(), nullable=False),
        *_texts("body"),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_prompt_verdicts"),
    )
    op.create_index(
        "ix_prompt_verdicts_version", "prompt_verdicts", ["project_id", "prompt", "version", "rule", "id"]
    )  # fmt: skip
    op.create_index("ix_prompt_verdicts_prompt", "prompt_verdicts", ["project_id", "prompt", "id"])
    op.create_table(
        "prompt_watches",
        *_texts("project_id", "prompt", "label", "move_id"),
        *_texts("alert_id", nullable=True),
        sa.Column("acted", sa.Boolean(), nullable=False),
        sa.Column("looked_us", sa.BigInteger(), nullable=False),
        *_texts("body"),
        sa.PrimaryKeyConstraint("project_id", "prompt", "label", name="pk_prompt_watches"),
    )


def downgrade() -> None:
    op.drop_table("prompt_watches")
    op.drop_table("prompt_verdicts")


def _texts(*names: str, nullable: bool = False) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]
