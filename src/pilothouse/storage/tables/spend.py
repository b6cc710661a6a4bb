"""What was spent and what is reserved: the ledger. Knows nothing of spans."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["balances", "ledger", "reservations"]

# What was spent, one row per settled call; never changed. `nano` is null where no price is known. `kind` is call,
# orphan (a crash ended the call) or adjustment. `day` counts days since 1970-01-01 (UTC). `accounts` is a JSON list.
ledger = Table(
    "ledger", observe,
    key("project_id"),
    key("id"),
    Column("at_us", BigInteger, nullable=False),
    Column("day", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("accounts", Text, nullable=False),
    Column("trace_id", Text),
    Column("endpoint", Text),
    Column("provider", Text),
    Column("deployment", Text),
    Column("model", Text),
    Column("nano", BigInteger),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("estimated", Boolean, nullable=False),
    Column("note", Text, nullable=False),
    Index("ix_ledger_day", "project_id", "day"),
)  # fmt: skip

# Reservations of calls that are running, or that a crash left behind: `body` is the msgpack of call.Reservation with
# what was recorded of its output so far. `spool` names the process.
reservations = Table(
    "reservations", observe,
    key("project_id"),
    key("id"),
    Column("spool", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_reservations_spool", "spool"),
)  # fmt: skip

# The ledger summed by account and day, maintained with it. `unpriced` counts the calls that used tokens and have no
# known price. `version` grows with each change of the row. An organisation's account has the project_id `*`.
balances = Table(
    "balances", observe,
    key("project_id"),
    key("account"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("nano", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False, server_default="0"),
)  # fmt: skip
