"""Alerts and what is told of them; who may do what one process does for all. Knows nothing of rules."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["alert_standings", "alerts", "deliveries", "silences", "turns"]

# What was noticed: `subject` is empty, or the model, key, score, ... that it is about. `status` is open or cleared, and
# of each rule and subject one is open at most. `link` leads to the traces, below the console. An alert with `ends_us`
# ends by itself. `told` says whether any channel was told.
alerts = Table(
    "alerts", control,
    key("project_id"),
    key("id"),
    Column("rule", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("link", Text, nullable=False),
    Column("value", Float, nullable=False),
    Column("expected", Float, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("opened_us", BigInteger, nullable=False),
    Column("cleared_us", BigInteger),
    Column("ends_us", BigInteger),
    Column("told", Boolean, nullable=False),
    Column("channels", Text, nullable=False),
    Index(
        "uq_alerts_open", "project_id", "rule", "subject", unique=True,
        sqlite_where=text("status = 'open'"), postgresql_where=text("status = 'open'"),
    ),
)  # fmt: skip

# Where each rule stands for each subject between two evaluations; see alerts.standing.
alert_standings = Table(
    "alert_standings", control,
    key("project_id"),
    key("rule"),
    key("subject"),
    Column("alert_id", Text),
    Column("in_row", Integer, nullable=False),
    Column("read_us", BigInteger, nullable=False),
)  # fmt: skip

# Who is not to be told, until when: `rule` and `subject` are null for any.
silences = Table(
    "silences", control,
    key("project_id"),
    key("id"),
    Column("rule", Text),
    Column("subject", Text),
    Column("until_us", BigInteger, nullable=False),
    Column("comment", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# Messages on their way to channels: `status` is waiting, sent or failed. `body` is JSON.
deliveries = Table(
    "deliveries", control,
    key("project_id"),
    key("id"),
    Column("channel", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("error", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Index("ix_deliveries_due", "due_us", sqlite_where=text("status = 'waiting'"),
          postgresql_where=text("status = 'waiting'")),
    Index("ix_deliveries_about", "project_id", "about"),
)  # fmt: skip

# What one process does for all: who does it, until when. It concerns all projects: project_id is always 'default'.
turns = Table(
    "turns", control,
    key("project_id"),
    key("name"),
    Column("holder", Text, nullable=False),
    Column("until_us", BigInteger, nullable=False),
)  # fmt: skip
