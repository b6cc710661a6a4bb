"""Experiments and looks at them."""

import sqlalchemy as sa
from alembic import op

revision = "control_0013"
down_revision = "control_0012"
branch_labels = None


def upgrade() -> None:
    op.create_table(
        "experiments",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "id", "name", "about", "status")),
        *(sa.Column(name, sa.Boolean(), nullable=False) for name in ("serving", "due")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("revision", "created_us")),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_experiments"),
    )
    op.create_index("uq_experiments_name", "experiments", ["project_id", "name"], unique=True)
    _partial("uq_experiments_serving", ["project_id", "about"], "serving", unique=True)
    _partial("ix_experiments_due", ["due"], "due", unique=False)
    op.create_table(
        "experiment_looks",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "experiment_id")),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "experiment_id", "at_us", name="pk_experiment_looks"),
    )


def downgrade() -> None:
    op.drop_table("experiment_looks")
    op.drop_table("experiments")


def _partial(name: str, columns: list[str], where: str, *, unique: bool) -> None:
    only = sa.text(where)
    op.create_index(name, "experiments", columns, unique=unique, sqlite_where=only, postgresql_where=only)
