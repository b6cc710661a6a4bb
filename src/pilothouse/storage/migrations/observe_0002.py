"""The ledger: what was spent, what is reserved, and the sums by account and day. Spans name the team."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0002"
down_revision = "observe_0001"
branch_labels = None


def upgrade() -> None:
    op.add_column("spans", sa.Column("team_id", sa.Text()))
    _ledger()
    op.create_table(
        "reservations",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("spool", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_reservations"),
    )
    op.create_index("ix_reservations_spool", "reservations", ["spool"])
    op.create_table(
        "balances",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nano", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "account", "day", name="pk_balances"),
    )


def downgrade() -> None:
    for table in ("balances", "reservations", "ledger"):
        op.drop_table(table)
    op.drop_column("spans", "team_id")


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Text(), nullable=False),
        sa.Column("trace_id", sa.Text()),
        sa.Column("endpoint", sa.Text()),
        sa.Column("provider", sa.Text()),
        sa.Column("deployment", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("nano", sa.BigInteger()),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("estimated", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_ledger"),
    )
    op.create_index("ix_ledger_day", "ledger", ["project_id", "day"])
