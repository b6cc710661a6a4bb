"""Days that differ from those before, and in the rollups how many tokens calls wrote."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0010"
down_revision = "observe_0009"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "drifts",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "measure")),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("statistic", "p", "effect", "usual", "furthest")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("samples", "earlier")),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "day", "kind", "measure", name="pk_drifts"),
    )
    nothing = sa.text("X''" if op.get_bind().dialect.name == "sqlite" else "''::bytea")
    op.add_column("rollups", sa.Column("written", sa.LargeBinary(), nullable=False, server_default=nothing))


def downgrade() -> None:
    op.drop_column("rollups", "written")
    op.drop_table("drifts")
