"""What differed from the days before. Knows nothing of how that is told."""

from sqlalchemy import BigInteger, Column, Float, Integer, Table

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["drifts"]

# An ended day (its number since 1970-01-01, UTC) against those before it, written once. `kind` is input or output,
# `measure` what was compared: questions, output_tokens, latency, outcome, `score NAME`. The five numbers are those of
# stats.drift. `samples` are the day's, `earlier` those of the `days` before that had enough of them.
drifts = Table(
    "drifts", observe,
    key("project_id"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    key("kind"),
    key("measure"),
    Column("statistic", Float, nullable=False),
    Column("p", Float, nullable=False),
    Column("effect", Float, nullable=False),
    Column("usual", Float, nullable=False),
    Column("furthest", Float, nullable=False),
    Column("samples", BigInteger, nullable=False),
    Column("earlier", BigInteger, nullable=False),
    Column("days", Integer, nullable=False),
)  # fmt: skip
