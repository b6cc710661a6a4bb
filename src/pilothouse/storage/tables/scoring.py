"""What is scored while a server runs, and what golden calls showed. Knows nothing of evaluators.

In the database of spans: a trace is queued in the transaction that writes its spans.
"""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["scoring_queue", "scoring_tallies", "sentinel_readings", "sentinel_states"]

# A trace that a rule of online scoring has taken into its sample. It is looked at from `due_us` on; once that is done
# `due_us` is null, and the row stays for a while so that late spans do not bring it back. `tries` counts failures that
# another time may help.
scoring_queue = Table(
    "scoring_queue", observe,
    key("project_id"),
    key("rule"),
    key("trace_id"),
    Column("first_us", BigInteger, nullable=False),
    Column("due_us", BigInteger),
    Column("tries", Integer, nullable=False),
    Index("ix_scoring_queue_due", "rule", "due_us", sqlite_where=text("due_us IS NOT NULL"),
          postgresql_where=text("due_us IS NOT NULL")),
    Index("ix_scoring_queue_first", "first_us"),
)  # fmt: skip

# What became of the traces of a rule on a day (UTC, since 1970-01-01): `outcome` is scored, failed, skipped, over
# budget, ... `note` is the newest reason, from `noted_us`.
scoring_tallies = Table(
    "scoring_tallies", observe,
    key("project_id"),
    key("rule"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    key("evaluator"),
    key("outcome"),
    Column("count", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("noted_us", BigInteger, nullable=False),
)  # fmt: skip

# Where a deployment stands. `plan` is a hash of all that was decided on purpose: another one begins anew, as does
# accepting what is now; `since_us` is when that was. `status` is learning, watching or changed. `body` is JSON.
sentinel_states = Table(
    "sentinel_states", observe,
    key("project_id"),
    key("deployment"),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("run_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip

# One run of golden calls to a deployment. `body` holds the answers (storage.payloads packs it), `evidence` is where the
# detector stood after it.
sentinel_readings = Table(
    "sentinel_readings", observe,
    key("project_id"),
    key("deployment"),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("plan", Text, nullable=False),
    Column("evidence", Float, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip
