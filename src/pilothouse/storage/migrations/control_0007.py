"""Datasets with their versions and items."""

import sqlalchemy as sa
from alembic import op

revision = "control_0007"
down_revision = "control_0006"
branch_labels = None

_TABLES = ("datasets", "dataset_versions", "dataset_items")


def upgrade() -> None:
    op.create_table(
        "datasets",
        *(_text(name) for name in ("project_id", "id", "name", "description", "metadata")),
        _int("version"),
        *(_big(name) for name in ("places", "created_us", "updated_us")),
        _big("archived_us", nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_datasets"),
    )
    op.create_index("uq_datasets_name", "datasets", ["project_id", "name"], unique=True)
    op.create_table(
        "dataset_versions",
        *(_text(name) for name in ("project_id", "dataset_id")),
        _int("number"),
        _text("hash"),
        *(_big(name) for name in ("size", "erased", "added", "changed", "removed")),
        *(_text(name) for name in ("author", "note")),
        _big("created_us"),
        sa.PrimaryKeyConstraint("project_id", "dataset_id", "number", name="pk_dataset_versions"),
    )
    _items()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _items() -> None:
    op.create_table(
        "dataset_items",
        *(_text(name) for name in ("project_id", "id", "dataset_id", "key")),
        _big("place"),
        _text("hash"),
        *(_text(name, nullable=True) for name in ("split", "source_trace", "source_span", "source_user")),
        *(_int(name, nullable=True) for name in ("since", "until")),
        _text("draft", nullable=True),
        _big("created_us"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_dataset_items"),
    )
    op.create_index("ix_dataset_items_place", "dataset_items", ["project_id", "dataset_id", "place"])
    op.create_index("ix_dataset_items_key", "dataset_items", ["project_id", "key", "dataset_id"])
    op.create_index("ix_dataset_items_hash", "dataset_items", ["project_id", "dataset_id", "hash"])
    partial = (
        ("trace", ["project_id", "source_trace"]), ("user", ["project_id", "source_user"]), ("draft", ["draft"]),
    )  # fmt: skip
    for name, columns in partial:
        there = sa.text(f"{columns[-1]} IS NOT NULL")
        index = f"ix_dataset_items_{name}"
        op.create_index(index, "dataset_items", columns, sqlite_where=there, postgresql_where=there)


def _text(name: str, *, nullable: bool = False) -> "sa.Column[str]":
    return sa.Column(name, sa.Text(), nullable=nullable)


def _int(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
