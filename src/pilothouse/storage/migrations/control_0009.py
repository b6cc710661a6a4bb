"""Queues of human review: items, seats, votes, corrections."""

import sqlalchemy as sa
from alembic import op

revision = "control_0009"
down_revision = "control_0008"
branch_labels = None

_TABLES = ("review_queues", "review_items", "review_sources", "review_seats", "review_votes", "review_corrections")


def upgrade() -> None:
    op.create_table(
        "review_queues",
        *_texts("project_id", "id", "name", "kind", "settings"),
        _big("places"),
        *_texts("cursors"),
        *(_big(name) for name in ("filled_us", "created_us", "updated_us")),
        _big("archived_us", nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_review_queues"),
    )
    op.create_index("uq_review_queues_name", "review_queues", ["project_id", "name"], unique=True)
    _items()
    op.create_table(
        "review_seats",
        *_texts("project_id", "item_id", "role", "annotator", "queue_id", "status"),
        sa.Column("swapped", sa.Boolean(), nullable=False),
        *(_big(name) for name in ("started_us", "until_us", "acted_us")),
        sa.PrimaryKeyConstraint("project_id", "item_id", "role", "annotator", name="pk_review_seats"),
    )
    op.create_index(
        "ix_review_seats_annotator", "review_seats", ["project_id", "queue_id", "annotator", "acted_us"]
    )  # fmt: skip
    op.create_table(
        "review_votes",
        *_texts("project_id", "id", "queue_id", "item_id", "role", "annotator", "criterion", "value", "comment"),
        sa.Column("seconds", sa.Float(), nullable=False),
        _big("at_us"),
        _big("replaced_us", nullable=True),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_review_votes"),
    )
    op.create_index("ix_review_votes_item", "review_votes", ["project_id", "item_id"])
    op.create_index("ix_review_votes_queue", "review_votes", ["project_id", "queue_id", "annotator"])
    op.create_table(
        "review_corrections",
        *_texts("project_id", "id", "queue_id", "item_id", "annotator"),
        *_texts("dataset_id", "item_key", nullable=True),
        _big("at_us"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_review_corrections"),
    )
    op.create_index("ix_review_corrections_item", "review_corrections", ["project_id", "item_id"])
    op.create_index("ix_review_corrections_queue", "review_corrections", ["project_id", "queue_id"])


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _items() -> None:
    op.create_table(
        "review_items",
        *_texts("project_id", "id", "queue_id"),
        _big("place"),
        *_texts("source"),
        *_texts("trace_id", "span_id", "run_id", "other_run_id", "case_id", nullable=True),
        sa.Column("trial", sa.Integer(), nullable=True),
        *_texts("status", "reason"),
        _big("created_us"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "id", name="pk_review_items"),
    )
    op.create_index("uq_review_items_source", "review_items", ["project_id", "queue_id", "source"], unique=True)
    op.create_index("ix_review_items_place", "review_items", ["project_id", "queue_id", "status", "place"])
    op.create_table(
        "review_sources",
        *_texts("project_id", "item_id", "kind", "value"),
        sa.PrimaryKeyConstraint("project_id", "item_id", "kind", "value", name="pk_review_sources"),
    )
    op.create_index("ix_review_sources_value", "review_sources", ["project_id", "kind", "value"])


def _texts(*names: str, nullable: bool = False) -> "list[sa.Column[str]]":
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _big(name: str, *, nullable: bool = False) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger(), nullable=nullable)
