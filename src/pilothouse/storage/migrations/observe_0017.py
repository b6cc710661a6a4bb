"""Indexes by which the spans of guards are found by their time, and what people said of them by the guard."""

from alembic import op
from sqlalchemy import text

revision = "observe_0017"
down_revision = "observe_0016"
branch_labels = None

_NEW = (
    ("ix_spans_guards", "spans", ("project_id", "start_us"), "kind = 'guard'"),
    ("ix_scores_guards", "scores", ("project_id", "name", "at_us"), "source = 'guard'"),
)


def upgrade() -> None:
    for name, table, columns, where in _NEW:
        op.create_index(name, table, columns, sqlite_where=text(where), postgresql_where=text(where))


def downgrade() -> None:
    for name, table, *_ in _NEW:
        op.drop_index(name, table)
