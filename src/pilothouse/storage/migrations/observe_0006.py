"""Bodies of spans by the day on which they arrived; what must not come back once it was deleted."""

import sqlalchemy as sa
from alembic import op

revision = "observe_0006"
down_revision = "observe_0005"
branch_labels = None


def upgrade() -> None:
    op.add_column("spans", sa.Column("payload_day", sa.Integer()))
    op.create_table(
        "erasures",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("project_id", "kind", "value")),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("until_us", "at_us")),
        sa.PrimaryKeyConstraint("project_id", "kind", "value", name="pk_erasures"),
    )


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_column("spans", "payload_day")
