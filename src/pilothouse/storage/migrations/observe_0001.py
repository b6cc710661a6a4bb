"""The observe tables as first released: spans, payloads, manifests, spool cursors."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0001"
down_revision = None
branch_labels = ("observe",)

_ROOTS = "parent_id IS NULL"


def upgrade() -> None:
    _spans()
    _payloads()
    _manifests_and_cursors()


def downgrade() -> None:
    for table in ("spool_cursors", "manifests", "payloads", "spans"):
        op.drop_table(table)


def _spans() -> None:
    op.create_table(
        "spans",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_us", sa.BigInteger(), nullable=False),
        sa.Column("duration_us", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text()),
        sa.Column("error_message", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("key_id", sa.Text()),
        sa.Column("user_id", sa.Text()),
        sa.Column("session_id", sa.Text()),
        sa.Column("endpoint", sa.Text()),
        sa.Column("operation", sa.Text()),
        sa.Column("provider", sa.Text()),
        sa.Column("request_model", sa.Text()),
        sa.Column("response_model", sa.Text()),
        sa.Column("deployment", sa.Text()),
        sa.Column("input_tokens", sa.Integer()),
        sa.Column("output_tokens", sa.Integer()),
        sa.Column("cached_tokens", sa.Integer()),
        sa.Column("cache_write_tokens", sa.Integer()),
        sa.Column("reasoning_tokens", sa.Integer()),
        sa.Column("usage_estimated", sa.Boolean()),
        sa.Column("ttft_us", sa.BigInteger()),
        sa.Column("cost_nano", sa.BigInteger()),
        sa.Column("cost_known", sa.Boolean(), nullable=False),
        sa.Column("manifest_id", sa.Text()),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "trace_id", "id", name="pk_spans"),
    )
    op.create_index(
        "ix_spans_roots", "spans", ["project_id", "start_us", "trace_id"],
        sqlite_where=sa.text(_ROOTS), postgresql_where=sa.text(_ROOTS),
    )  # fmt: skip


def _payloads() -> None:
    op.create_table(
        "payloads",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text(), nullable=False),
        sa.Column("span_id", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "trace_id", "span_id", name="pk_payloads"),
    )


def _manifests_and_cursors() -> None:
    op.create_table(
        "manifests",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("versions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_manifests"),
    )
    op.create_table(
        "spool_cursors",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("spool", sa.Text(), nullable=False),
        sa.Column("segment", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "spool", name="pk_spool_cursors"),
    )
