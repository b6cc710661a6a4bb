"""Alerts: what was noticed, where rules stand, silences, messages on their way, and who evaluates."""

import sqlalchemy as sa
from alembic import op

revision = "control_0006"
down_revision = "control_0004"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        *(_text(name) for name in ("project_id", "id", "rule", "subject", "severity", "status", "text", "link")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("value", "expected")),
        *(_time(name) for name in ("samples", "opened_us")),
        *(_time(name, nullable=True) for name in ("cleared_us", "ends_us")),
        sa.Column("told", sa.Boolean(), nullable=False),
        _text("channels"),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_alerts"),
    )
    is_open = sa.text("status = 'open'")
    op.create_index(
        "uq_alerts_open", "alerts", ["project_id", "rule", "subject"], unique=True, sqlite_where=is_open,
        postgresql_where=is_open,
    )  # fmt: skip
    op.create_table(
        "alert_standings",
        *(_text(name) for name in ("project_id", "rule", "subject")),
        _text("alert_id", nullable=True),
        sa.Column("in_row", sa.Integer(), nullable=False),
        _time("read_us"),
        sa.PrimaryKeyConstraint("project_id", "rule", "subject", name="pk_alert_standings"),
    )
    op.create_table(
        "silences",
        *(_text(name) for name in ("project_id", "id")),
        *(_text(name, nullable=True) for name in ("rule", "subject")),
        _time("until_us"),
        *(_text(name) for name in ("comment", "author")),
        _time("created_us"),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_silences"),
    )
    _deliveries()
    op.create_table(
        "turns",
        *(_text(name) for name in ("project_id", "name", "holder")),
        _time("until_us"),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_turns"),
    )


def downgrade() -> None:
    for table in ("turns", "deliveries", "silences", "alert_standings", "alerts"):
        op.drop_table(table)


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *(_text(name) for name in ("project_id", "id", "channel", "event", "about", "body", "status")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("due_us"),
        _text("error", nullable=True),
        _time("created_us"),
        _time("ended_us", nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_deliveries"),
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index("ix_deliveries_due", "deliveries", ["due_us"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_deliveries_about", "deliveries", ["project_id", "about"])


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
