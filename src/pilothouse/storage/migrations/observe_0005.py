"""Traces and rollups, kept in step with the spans; scores; and what a span is about: feature, environment, prompt.

Spans that are there already are summed up in the background (`backfills`).
"""

import sqlalchemy as sa
from alembic import op

revision = "observe_0005"
down_revision = "observe_0004"
branch_labels = None

_SUMS = (
    "requests", "failed", "calls", "call_errors", "cached", "input_tokens", "output_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_nano", "unpriced",
)  # fmt: skip
_HISTOGRAMS = ("latency", "call_latency", "ttft", "tokens", "speed")


def upgrade() -> None:
    for name in ("feature", "environment", "release", "prompt"):
        op.add_column("spans", sa.Column(name, sa.Text()))
    op.add_column("spans", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("spans", sa.Column("source", sa.Text(), server_default="gateway", nullable=False))
    _traces()
    _scores()
    _rollups()
    op.create_table(
        "backfills",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_backfills"),
    )
    op.execute(
        "INSERT INTO backfills (project_id, name, place) "
        "SELECT 'default', 'summaries', '' WHERE EXISTS (SELECT 1 FROM spans)"
    )


def downgrade() -> None:
    for table in ("backfills", "score_rollups", "rollups", "scores", "traces"):
        op.drop_table(table)
    for name in ("source", "tags", "prompt", "release", "environment", "feature"):
        op.drop_column("spans", name)


def _text(name: str, *, nullable: bool = True) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _integer(name: str, kind: type = sa.BigInteger, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, kind(), nullable=nullable)


def _traces() -> None:
    op.create_table(
        "traces",
        *(_text(name, nullable=False) for name in ("project_id", "trace_id", "root_id", "name", "kind")),
        _integer("start_us"),
        _integer("duration_us"),
        _text("status", nullable=False),
        *(_text(n) for n in ("error_code", "endpoint", "model", "key_id", "user_id", "session_id", "team_id")),
        *(_text(name) for name in ("feature", "environment", "release")),
        _text("tags", nullable=False),
        _text("source", nullable=False),
        _integer("spans", sa.Integer),
        _integer("errors", sa.Integer),
        _integer("input_tokens"),
        _integer("output_tokens"),
        _integer("cost_nano", nullable=True),
        sa.Column("cost_known", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "trace_id", name="pk_traces"),
    )
    op.create_index("ix_traces_start", "traces", ["project_id", "start_us", "trace_id"])
    for name in ("session", "user"):
        given = sa.text(f"{name}_id IS NOT NULL")
        columns = ["project_id", f"{name}_id", "start_us"]
        op.create_index(f"ix_traces_{name}", "traces", columns, sqlite_where=given, postgresql_where=given)


def _scores() -> None:
    op.create_table(
        "scores",
        *(_text(name, nullable=False) for name in ("project_id", "id")),
        *(_text(name) for name in ("trace_id", "span_id", "session_id")),
        *(_text(name, nullable=False) for name in ("name", "kind")),
        sa.Column("value", sa.Float()),
        _text("label"),
        _text("comment"),
        _text("source", nullable=False),
        _text("author"),
        _text("metadata", nullable=False),
        _integer("at_us"),
        _integer("updated_us"),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_scores"),
    )
    op.create_index("ix_scores_trace", "scores", ["project_id", "trace_id"])
    op.create_index("ix_scores_at", "scores", ["project_id", "at_us", "id"])


def _rollups() -> None:
    keys = ("project_id", "grain", "dimension", "at", "value")

    def row() -> "list[sa.Column[str] | sa.Column[int]]":
        at = sa.Column("at", sa.Integer(), autoincrement=False, nullable=False)
        return [at if name == "at" else _text(name, nullable=False) for name in keys]

    op.create_table(
        "rollups",
        *row(),
        *(_integer(name) for name in _SUMS),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in _HISTOGRAMS),
        sa.PrimaryKeyConstraint(*keys, name="pk_rollups"),
    )
    op.create_table(
        "score_rollups",
        *row(),
        _text("name", nullable=False),
        _integer("count"),
        sa.Column("total", sa.Float(), nullable=False),
        sa.Column("histogram", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*keys, "name", name="pk_score_rollups"),
    )
