"""Indexes that give what pages show in its order; requests found by their ids, and mirrored calls by their time."""

from alembic import op
from sqlalchemy import text

revision = "observe_0011"
down_revision = "observe_0010"
branch_labels = None

_NEW = (
    ("ix_spans_request", "spans", ("project_id", "request_id"), "parent_id IS NULL AND request_id IS NOT NULL"),
    ("ix_spans_shadow", "spans", ("project_id", "start_us"), "operation = 'shadow'"),
)
_LONGER = (
    ("ix_traces_session", "traces", ("project_id", "session_id", "start_us"), ("trace_id",), "session_id IS NOT NULL"),
    ("ix_traces_user", "traces", ("project_id", "user_id", "start_us"), ("trace_id",), "user_id IS NOT NULL"),
    ("ix_scores_trace", "scores", ("project_id", "trace_id"), ("at_us", "id"), None),
)


def upgrade() -> None:
    for new in _NEW:
        _create(*new)
    for name, table, columns, more, where in _LONGER:
        op.drop_index(name, table)
        _create(name, table, (*columns, *more), where)


def downgrade() -> None:
    for name, table, columns, _, where in _LONGER:
        op.drop_index(name, table)
        _create(name, table, columns, where)
    for name, table, *_ in _NEW:
        op.drop_index(name, table)


def _create(name: str, table: str, columns: tuple[str, ...], where: str | None) -> None:
    condition = None if where is None else text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
