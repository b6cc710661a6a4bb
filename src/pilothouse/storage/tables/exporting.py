"""What is to be sent elsewhere. Knows nothing of where."""

from sqlalchemy import Column, Integer, LargeBinary, Table

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["export_queue"]

# A batch of stored spans that an export has not sent yet, written in the transaction that stored them. `places` is the
# msgpack of [[project, trace, span], ...]. Batches concern all projects: project_id is always 'default'.
export_queue = Table(
    "export_queue", observe,
    key("project_id"),
    key("export"),
    key("id"),
    Column("spans", Integer, nullable=False),
    Column("places", LargeBinary, nullable=False),
)  # fmt: skip
