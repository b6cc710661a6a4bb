"""Prompts, their versions, and where their labels point. Knows nothing of templates.

The database refuses to change or delete a row of `prompt_versions` and `prompt_moves`.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["prompt_labels", "prompt_moves", "prompt_requests", "prompt_versions", "prompts"]

# `newest` is the number of the newest version. `tags` is a JSON list of texts.
prompts = Table(
    "prompts", control,
    key("project_id"),
    key("name"),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("newest", Integer, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("archived_us", BigInteger),
)  # fmt: skip

# `body` is the content, JSON, and `hash` tells it. `parent` is the number of the version it was made from.
prompt_versions = Table(
    "prompt_versions", control,
    key("project_id"),
    key("name"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("parent", Integer),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# Where a label points now; `move` is the number of the move that brought it there.
prompt_labels = Table(
    "prompt_labels", control,
    key("project_id"),
    key("name"),
    key("label"),
    Column("version", Integer, nullable=False),
    Column("move", Integer, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)  # fmt: skip

# `number` counts the moves of a label from 1. `version` is NULL where the label was taken away, `before` where there
# was none. `back` is the number of the move to which a rollback returns.
prompt_moves = Table(
    "prompt_moves", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("version", Integer),
    Column("before", Integer),
    Column("kind", Text, nullable=False),
    Column("back", Integer),
    Column("actor", Text, nullable=False),
    Column("approved_by", Text),
    Column("reason", Text, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index("uq_prompt_moves_number", "project_id", "name", "label", "number", unique=True),
    Index("ix_prompt_moves_name", "project_id", "name", "id"),
)  # fmt: skip

# Promotions that wait, or waited, for a second person. `move` is the number of the label's last move at that time.
prompt_requests = Table(
    "prompt_requests", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("before", Integer),
    Column("move", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("decided_us", BigInteger),
    Column("decided_by", Text),
    Column("note", Text, nullable=False),
    Index("ix_prompt_requests_pending", "project_id", "name", "label", sqlite_where=text("status = 'pending'"),
          postgresql_where=text("status = 'pending'")),
)  # fmt: skip
