"""Scoring while a server runs: which traces are to be scored, what became of them, and what golden calls showed."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0015"
down_revision = "observe_0014"
branch_labels = None

_TABLES = ("scoring_queue", "scoring_tallies", "sentinel_states", "sentinel_readings")


def upgrade() -> None:
    op.create_table(
        "scoring_queue",
        *(_text(name) for name in ("project_id", "rule", "trace_id")),
        _big("first_us"),
        _big("due_us", nullable=True),
        _int("tries"),
        sa.PrimaryKeyConstraint("project_id", "rule", "trace_id", name="pk_scoring_queue"),
    )
    waiting = sa.text("due_us IS NOT NULL")
    op.create_index(
        "ix_scoring_queue_due", "scoring_queue", ["rule", "due_us"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("ix_scoring_queue_first", "scoring_queue", ["first_us"])
    op.create_table(
        "scoring_tallies",
        *(_text(name) for name in ("project_id", "rule")),
        _int("day"),
        *(_text(name) for name in ("evaluator", "outcome")),
        _big("count"),
        _text("note"),
        _big("noted_us"),
        sa.PrimaryKeyConstraint("project_id", "rule", "day", "evaluator", "outcome", name="pk_scoring_tallies"),
    )
    op.create_table(
        "sentinel_states",
        *(_text(name) for name in ("project_id", "deployment", "plan", "status")),
        *(_big(name) for name in ("since_us", "run_us")),
        _text("body"),
        sa.PrimaryKeyConstraint("project_id", "deployment", name="pk_sentinel_states"),
    )
    op.create_table(
        "sentinel_readings",
        *(_text(name) for name in ("project_id", "deployment")),
        _big("at_us"),
        _text("plan"),
        sa.Column("evidence", sa.Float(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "deployment", "at_us", name="pk_sentinel_readings"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=False)


def _int(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
