"""Attacks that people confirmed. Knows nothing of guards."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table, Text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["confirmed_attacks"]

# `prints` are fingerprints of the text, 64 bits each in little-endian order, from which it cannot be read; the text
# itself is not kept here. `trace_id` is empty where it came from no trace.
confirmed_attacks = Table(
    "confirmed_attacks", control,
    key("project_id"),
    key("id"),
    Column("prints", LargeBinary, nullable=False),
    Column("characters", Integer, nullable=False),
    Column("trace_id", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip
