"""Under Postgres, spans in tables of days. What there is becomes the table of before there were days; it is read once,
to see that it belongs there, and not copied."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0013"
down_revision = "observe_0012"
branch_labels = None

_INDEXES = (
    ("ix_spans_roots", "project_id, start_us, trace_id", "parent_id IS NULL"),
    ("ix_spans_request", "project_id, request_id", "parent_id IS NULL AND request_id IS NOT NULL"),
    ("ix_spans_shadow", "project_id, start_us", "operation = 'shadow'"),
)
_BEFORE = "19700101"


def upgrade() -> None:
    for table in ("spans", "traces"):
        op.add_column(table, sa.Column("day", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.create_table(
        "span_days",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", name="pk_span_days"),
    )
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute(f"ALTER TABLE spans RENAME TO spans_{_BEFORE}")
    op.execute(f"ALTER TABLE spans_{_BEFORE} RENAME CONSTRAINT pk_spans TO pk_spans_{_BEFORE}")
    for name, _, _ in _INDEXES:
        op.execute(f"ALTER INDEX {name} RENAME TO {name}_{_BEFORE}")
    op.execute(f"CREATE TABLE spans (LIKE spans_{_BEFORE} INCLUDING DEFAULTS) PARTITION BY RANGE (day)")
    op.execute(f"ALTER TABLE spans ATTACH PARTITION spans_{_BEFORE} FOR VALUES FROM (MINVALUE) TO (1)")
    for name, columns, where in _INDEXES:  # the partition has each already
        op.execute(f"CREATE INDEX {name} ON spans ({columns}) WHERE {where}")
    op.execute(
        "INSERT INTO span_days (project_id, day, until_us) "
        "SELECT 'default', 0, coalesce(max(start_us + duration_us), 0) FROM traces"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute("ALTER TABLE spans RENAME TO spans_of_days")
        op.execute("CREATE TABLE spans (LIKE spans_of_days INCLUDING DEFAULTS)")
        op.execute("INSERT INTO spans SELECT * FROM spans_of_days")
        op.execute("DROP TABLE spans_of_days")
        op.execute("ALTER TABLE spans ADD CONSTRAINT pk_spans PRIMARY KEY (project_id, trace_id, id)")
        for name, columns, where in _INDEXES:
            op.execute(f"CREATE INDEX {name} ON spans ({columns}) WHERE {where}")
    op.drop_table("span_days")
    for table in ("traces", "spans"):
        op.drop_column(table, "day")
