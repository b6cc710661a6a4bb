"""Runs of evaluation: what they found of each case, and the answers that need not be paid for again. Knows nothing of
what a suite is."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["eval_answers", "eval_outcomes", "eval_runs", "eval_verdicts"]

# `subject`, `plan`, `metadata` and `summary` are JSON. `holder` names who works on it until `lease_until_us`; `erased`
# is how many of its outcomes were erased since.
eval_runs = Table(
    "eval_runs", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("suite", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("error", Text),
    Column("dataset_id", Text),
    Column("dataset_version", Integer),
    Column("subject", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("plan_hash", Text, nullable=False),
    Column("metadata", Text, nullable=False),
    Column("baseline_id", Text),
    Column("cases", Integer, nullable=False),
    Column("trials", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("erased", Integer, nullable=False),
    Column("cost_nano", BigInteger),
    Column("summary", Text),
    Column("holder", Text),
    Column("lease_until_us", BigInteger),
    Column("created_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Index("ix_eval_runs_name", "project_id", "name", "id"),
    Index("ix_eval_runs_suite", "project_id", "suite", "id"),
    Index("ix_eval_runs_created", "created_us"),
)  # fmt: skip


def _there(name: str, table: str, column: str) -> Index:
    """An index of a project's rows in which this column says something."""
    where = text(f"{column} IS NOT NULL")
    return Index(f"ix_{table}_{name}", "project_id", column, sqlite_where=where, postgresql_where=where)


# `status` is "ok" or, where the task failed, "error". `source_user` is a hash of the user's id. `body` is what
# payloads.Packer makes of the Outcome without its verdicts.
eval_outcomes = Table(
    "eval_outcomes", control,
    key("project_id"),
    key("run_id"),
    key("case_id"),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    Column("status", Text, nullable=False),
    Column("latency_us", BigInteger),
    Column("cost_nano", BigInteger),
    Column("trace_id", Text),
    Column("source_trace", Text),
    Column("source_user", Text),
    Column("body", LargeBinary, nullable=False),
    _there("trace", "eval_outcomes", "trace_id"),
    _there("source", "eval_outcomes", "source_trace"),
    _there("user", "eval_outcomes", "source_user"),
)  # fmt: skip

# `place` orders the verdicts of an outcome. `body` is what payloads.Packer makes of the Verdict.
eval_verdicts = Table(
    "eval_verdicts", control,
    key("project_id"),
    key("run_id"),
    key("case_id"),
    Column("trial", Integer, primary_key=True, autoincrement=False),
    key("evaluator"),
    Column("place", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("score", Float),
    Column("passed", Boolean),
    Column("label", Text),
    Column("cost_nano", BigInteger),
    Column("trace_id", Text),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

# What a model answered, by the hash of what it was asked and of what it was then. `run_id` is the run that paid
# `cost_nano` for it in the trace `trace_id`. `body` is what payloads.Packer makes of the answer.
eval_answers = Table(
    "eval_answers", control,
    key("project_id"),
    key("key"),
    Column("run_id", Text),
    Column("trace_id", Text),
    Column("source_trace", Text),
    Column("source_user", Text),
    Column("cost_nano", BigInteger),
    Column("created_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_eval_answers_created", "created_us"),
    _there("trace", "eval_answers", "trace_id"),
    _there("source", "eval_answers", "source_trace"),
    _there("user", "eval_answers", "source_user"),
)  # fmt: skip
