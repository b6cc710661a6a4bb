"""Prompts, their versions and labels. Versions and moves can be added and read, and nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "control_0011"
down_revision = "control_0010"
branch_labels = None

_KEPT = {"prompt_versions": ("name", "number"), "prompt_moves": ("id",)}
"""What never changes, by the columns that name a row in its project."""
_TEXT, _INTEGER, _TIME, _FLAG = sa.Text, sa.Integer, sa.BigInteger, sa.Boolean


def upgrade() -> None:
    _table(
        "prompts", ("project_id", "name"),
        {"description": _TEXT, "tags": _TEXT, "newest": _INTEGER, "created_us": _TIME, "updated_us": _TIME},
        {"archived_us": _TIME},
    )  # fmt: skip
    _table(
        "prompt_versions", ("project_id", "name", "number"),
        {"hash": _TEXT, "body": _TEXT, "message": _TEXT, "author": _TEXT, "created_us": _TIME}, {"parent": _INTEGER},
    )  # fmt: skip
    _table(
        "prompt_labels", ("project_id", "name", "label"),
        {"version": _INTEGER, "move": _INTEGER, "updated_us": _TIME}, {},
    )  # fmt: skip
    _moves_and_requests()
    for table, names in _KEPT.items():
        _keep(table, names)


def downgrade() -> None:
    for table in ("prompt_requests", "prompt_moves", "prompt_labels", "prompt_versions", "prompts"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change_of_prompts()")


def _moves_and_requests() -> None:
    who = {"name": _TEXT, "label": _TEXT, "actor": _TEXT, "reason": _TEXT, "forced": _FLAG}
    _table(
        "prompt_moves", ("project_id", "id"), {**who, "number": _INTEGER, "kind": _TEXT, "at_us": _TIME},
        {"version": _INTEGER, "before": _INTEGER, "back": _INTEGER, "approved_by": _TEXT},
    )  # fmt: skip
    op.create_index("uq_prompt_moves_number", "prompt_moves", ["project_id", "name", "label", "number"], unique=True)
    op.create_index("ix_prompt_moves_name", "prompt_moves", ["project_id", "name", "id"])
    _table(
        "prompt_requests", ("project_id", "id"),
        {**who, "version": _INTEGER, "move": _INTEGER, "status": _TEXT, "created_us": _TIME, "note": _TEXT},
        {"before": _INTEGER, "decided_us": _TIME, "decided_by": _TEXT},
    )  # fmt: skip
    pending = sa.text("status = 'pending'")
    op.create_index(
        "ix_prompt_requests_pending", "prompt_requests", ["project_id", "name", "label"],
        sqlite_where=pending, postgresql_where=pending,
    )  # fmt: skip


def _table(name: str, keys: tuple[str, ...], needed: dict[str, type], optional: dict[str, type]) -> None:
    op.create_table(
        name,
        *(sa.Column(key, _INTEGER() if key == "number" else _TEXT(), nullable=False) for key in keys),
        *(sa.Column(column, kind(), nullable=False) for column, kind in needed.items()),
        *(sa.Column(column, kind(), nullable=True) for column, kind in optional.items()),
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}"),
    )


def _keep(table: str, names: tuple[str, ...]) -> None:
    said = f"a row of {table} never changes"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION refuse_change_of_prompts() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'a row of % never changes', TG_TABLE_NAME; END $$"
        )
        for event, each in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            op.execute(
                f"CREATE TRIGGER {table}_{event.split()[0].lower()} BEFORE {event} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION refuse_change_of_prompts()"
            )
        return
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_{event.lower()} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
    # INSERT OR REPLACE takes a row away without the trigger for DELETE (https://sqlite.org/lang_conflict.html).
    same = " AND ".join(f"{column} = NEW.{column}" for column in ("project_id", *names))
    op.execute(
        f"CREATE TRIGGER {table}_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
    )
