"""Organisations, teams, members, what keys may do, the audit log, and the numbers by which processes notice changes."""

import sqlalchemy as sa
from alembic import op

revision = "control_0002"
down_revision = "control_0001"
branch_labels = None

_KEYS = ("team_id", "policy", "limits", "budgets", "successor_id", "revision")


def upgrade() -> None:
    _tenants()
    _keys()
    _audit()
    op.create_table(
        "changes",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name="pk_changes"),
    )


def downgrade() -> None:
    op.drop_table("changes")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TABLE audit CASCADE")
        op.execute("DROP FUNCTION refuse_change()")
    else:
        op.drop_table("audit")
    op.drop_index("ix_api_keys_revision", "api_keys")
    for column in _KEYS:
        op.drop_column("api_keys", column)
    for table in ("members", "teams"):
        op.drop_table(table)
    for column in ("org_id", "limits", "budgets"):
        op.drop_column("projects", column)
    op.drop_table("organisations")


def _tenants() -> None:
    op.create_table(
        "organisations",
        sa.Column("org_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("budgets", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("org_id", name="pk_organisations"),
    )
    op.add_column("projects", sa.Column("org_id", sa.Text(), nullable=False, server_default="default"))
    op.add_column("projects", sa.Column("limits", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("projects", sa.Column("budgets", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "teams",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("budgets", sa.Text(), nullable=False),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_teams"),
    )
    op.create_table(
        "members",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Text()),
        sa.Column("created_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "subject", name="pk_members"),
    )


def _keys() -> None:
    op.add_column("api_keys", sa.Column("team_id", sa.Text()))
    op.add_column("api_keys", sa.Column("policy", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("api_keys", sa.Column("limits", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("api_keys", sa.Column("budgets", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("api_keys", sa.Column("successor_id", sa.Text()))
    op.add_column("api_keys", sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_api_keys_revision", "api_keys", ["revision"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text()),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_audit"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_refuses_{event.lower()} BEFORE {event} ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        )
