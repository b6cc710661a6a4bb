"""Attacks that people confirmed, as fingerprints."""

import sqlalchemy as sa
from alembic import op

revision = "control_0015"
down_revision = "control_0014"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "confirmed_attacks",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "id")),
        sa.Column("prints", sa.LargeBinary(), nullable=False),
        sa.Column("characters", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("trace_id", "note", "confirmed_by")),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_confirmed_attacks"),
    )


def downgrade() -> None:
    op.drop_table("confirmed_attacks")
