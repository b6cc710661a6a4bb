"""Calls that were made with a version of a prompt, or in an experiment."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0016"
down_revision = "observe_0015"
branch_labels = None

_PARTS = {"ix_prompt_calls_prompt": "prompt", "ix_prompt_calls_experiment": "experiment_id"}


def upgrade() -> None:
    op.create_table(
        "prompt_calls",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "span_id", "trace_id")),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("prompt", sa.Text()),
        sa.Column("version", sa.Integer()),
        *(sa.Column(name, sa.Text()) for name in ("label", "experiment_id", "arm", "unit", "model", "deployment")),
        sa.Column("cost_nano", sa.BigInteger()),
        sa.Column("latency_us", sa.BigInteger(), nullable=False),
        sa.Column("ttft_us", sa.BigInteger()),
        *(sa.Column(name, sa.Integer()) for name in ("input_tokens", "output_tokens")),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("cached", "error", "refused", "guarded")),
        sa.PrimaryKeyConstraint("project_id", "span_id", name="pk_prompt_calls"),
    )
    places = {
        "ix_prompt_calls_prompt": ["project_id", "prompt", "version", "at_us"],
        "ix_prompt_calls_experiment": ["project_id", "experiment_id", "at_us"],
    }
    for name, columns in places.items():
        part = sa.text(f"{_PARTS[name]} IS NOT NULL")
        op.create_index(name, "prompt_calls", columns, sqlite_where=part, postgresql_where=part)
    op.create_index("ix_prompt_calls_trace", "prompt_calls", ["project_id", "trace_id"])


def downgrade() -> None:
    op.drop_table("prompt_calls")
