"""Calls of tools that wait for a person's word. Knows nothing of agents."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["approvals"]

# `status` is pending, approved, denied or expired; a pending one past `expires_us` counts as expired. `asker` is the
# key of whoever asked, empty in the process itself. `body` holds the arguments, packed, with why they wait.
approvals = Table(
    "approvals", control,
    key("project_id"),
    key("id"),
    Column("status", Text, nullable=False),
    Column("agent", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("asker", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("decided_us", BigInteger),
    Column("decided_by", Text),
    Column("reason", Text),
    Index("ix_approvals_pending", "project_id", "id", sqlite_where=text("status = 'pending'"),
          postgresql_where=text("status = 'pending'")),
)  # fmt: skip
