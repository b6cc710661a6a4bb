"""Runs of evaluation, their outcomes and verdicts, and the answers that were paid for."""

import sqlalchemy as sa
from alembic import op

revision = "control_0008"
down_revision = "control_0007"
branch_labels = None

_TABLES = ("eval_runs", "eval_outcomes", "eval_verdicts", "eval_answers")


def upgrade() -> None:
    _runs()
    op.create_table(
        "eval_outcomes",
        *_texts("project_id", "run_id", "case_id"),
        _int("trial"),
        *_texts("status"),
        *(_big(name, nullable=True) for name in ("latency_us", "cost_nano")),
        *_texts("trace_id", "source_trace", "source_user", nullable=True),
        _blob(),
        sa.PrimaryKeyConstraint("project_id", "run_id", "case_id", "trial", name="pk_eval_outcomes"),
    )
    op.create_table(
        "eval_verdicts",
        *_texts("project_id", "run_id", "case_id"),
        _int("trial"),
        *_texts("evaluator"),
        _int("place"),
        *_texts("status"),
        sa.Column("score", sa.Float()),
        sa.Column("passed", sa.Boolean()),
        *_texts("label", nullable=True),
        _big("cost_nano", nullable=True),
        *_texts("trace_id", nullable=True),
        _blob(),
        sa.PrimaryKeyConstraint("project_id", "run_id", "case_id", "trial", "evaluator", name="pk_eval_verdicts"),
    )
    op.create_table(
        "eval_answers",
        *_texts("project_id", "key"),
        *_texts("run_id", "trace_id", "source_trace", "source_user", nullable=True),
        _big("cost_nano", nullable=True),
        _big("created_us"),
        _blob(),
        sa.PrimaryKeyConstraint("project_id", "key", name="pk_eval_answers"),
    )
    op.create_index("ix_eval_answers_created", "eval_answers", ["created_us"])
    for table in ("eval_outcomes", "eval_answers"):
        for name, column in (("trace", "trace_id"), ("source", "source_trace"), ("user", "source_user")):
            there = sa.text(f"{column} IS NOT NULL")
            columns = ["project_id", column]
            op.create_index(f"ix_{table}_{name}", table, columns, sqlite_where=there, postgresql_where=there)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _runs() -> None:
    op.create_table(
        "eval_runs",
        *_texts("project_id", "id", "name", "suite", "kind", "status"),
        *_texts("error", "dataset_id", nullable=True),
        _int("dataset_version", nullable=True),
        *_texts("subject", "plan", "plan_hash", "metadata"),
        *_texts("baseline_id", nullable=True),
        *(_int(name) for name in ("cases", "trials", "done", "erased")),
        _big("cost_nano", nullable=True),
        *_texts("summary", "holder", nullable=True),
        _big("lease_until_us", nullable=True),
        _big("created_us"),
        _big("ended_us", nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_eval_runs"),
    )
    op.create_index("ix_eval_runs_name", "eval_runs", ["project_id", "name", "id"])
    op.create_index("ix_eval_runs_suite", "eval_runs", ["project_id", "suite", "id"])
    op.create_index("ix_eval_runs_created", "eval_runs", ["created_us"])


def _texts(*names: str, nullable: bool = False) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _int(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _blob() -> "sa.Column[bytes]":
    return sa.Column("body", sa.LargeBinary(), nullable=False)
