"""Teams have a role, for members and keys without one of their own; Postgres lets nobody empty the audit log.

Before this every member and every key had a role. SQLite, which has no TRUNCATE, needs no trigger against it.
"""

import sqlalchemy as sa
from alembic import op

revision = "control_0004"
down_revision = "control_0003"
branch_labels = None

_OWN_ROLES = {"members": "viewer", "api_keys": "caller"}
"""What those without a role of their own become where teams have none."""
_FORGET = "DROP TRIGGER IF EXISTS audit_is_not_emptied ON audit"


def upgrade() -> None:
    op.add_column("teams", sa.Column("role", sa.Text()))
    for table in _OWN_ROLES:
        with op.batch_alter_table(table) as changed:
            changed.alter_column("role", existing_type=sa.Text(), nullable=True)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FORGET)
        op.execute(
            "CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FORGET)
    for table, role in _OWN_ROLES.items():
        op.execute(f"UPDATE {table} SET role = '{role}' WHERE role IS NULL")
        with op.batch_alter_table(table) as changed:
            changed.alter_column("role", existing_type=sa.Text(), nullable=False)
    with op.batch_alter_table("teams") as changed:
        changed.drop_column("role")
