"""Datasets with their versions and items. Knows nothing of what an item is judged by."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["dataset_items", "dataset_versions", "datasets"]

# `version` is the number of the newest one, 0 while nothing was ever in it; `places` how many places of items were
# given away. `metadata` is JSON.
datasets = Table(
    "datasets", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("places", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("archived_us", BigInteger),
    Index("uq_datasets_name", "project_id", "name", unique=True),
)  # fmt: skip

# `hash` tells the content of the version (see storage.dataset_changes), `size` how many items it was made of, `erased`
# how many of those were erased since. The others are what was done to the version before.
dataset_versions = Table(
    "dataset_versions", control,
    key("project_id"),
    key("dataset_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("erased", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("changed", BigInteger, nullable=False),
    Column("removed", BigInteger, nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# A row never changes its content. It is part of the versions from `since` on and before `until`; `key` is the same for
# an item and for what it was changed to, `place` orders the items of a version. `draft` names the change that a row is
# still arriving by: it is part of no version then. `source_user` is a hash of the user's id. `body` is what
# payloads.Packer makes of input, expected, context and metadata.
dataset_items = Table(
    "dataset_items", control,
    key("project_id"),
    key("id"),
    Column("dataset_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("split", Text),
    Column("source_trace", Text),
    Column("source_span", Text),
    Column("source_user", Text),
    Column("since", Integer),
    Column("until", Integer),
    Column("draft", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_dataset_items_place", "project_id", "dataset_id", "place"),
    Index("ix_dataset_items_key", "project_id", "key", "dataset_id"),
    Index("ix_dataset_items_hash", "project_id", "dataset_id", "hash"),
    Index("ix_dataset_items_trace", "project_id", "source_trace", sqlite_where=text("source_trace IS NOT NULL"),
          postgresql_where=text("source_trace IS NOT NULL")),
    Index("ix_dataset_items_user", "project_id", "source_user", sqlite_where=text("source_user IS NOT NULL"),
          postgresql_where=text("source_user IS NOT NULL")),
    Index("ix_dataset_items_draft", "draft", sqlite_where=text("draft IS NOT NULL"),
          postgresql_where=text("draft IS NOT NULL")),
)  # fmt: skip
