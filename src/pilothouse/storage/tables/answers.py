"""Answers that are kept for the Responses API. Knows nothing of who asked."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["response_events", "responses"]

# Answers kept for OpenAI's Responses API until `expires_us`. `body` is what payloads.pack makes of {"input": [items],
# "response": {...}}. `lease_until_us`: until when the process that still works on it is taken to be alive.
responses = Table(
    "responses", observe,
    key("project_id"),
    key("id"),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("previous_id", Text),
    Column("lease_until_us", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("ix_responses_expires_us", "expires_us"),
)  # fmt: skip

# Events `first` to `last` of a response that is streamed from the background; `body` is packed JSON.
response_events = Table(
    "response_events", observe,
    key("project_id"),
    key("response_id"),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip
