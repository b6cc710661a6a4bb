"""Days that are over, a dimension of them in one row. They are made while the server runs; until then rows are read."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0012"
down_revision = "observe_0011"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "sheets",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        *(sa.Column(name, sa.LargeBinary(), nullable=False) for name in ("named", "sums")),
        sa.PrimaryKeyConstraint("project_id", "day", "dimension", name="pk_sheets"),
    )


def downgrade() -> None:
    op.drop_table("sheets")
