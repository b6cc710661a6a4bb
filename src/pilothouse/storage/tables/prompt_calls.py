"""Calls that were made with a version of a prompt, or in an experiment. Knows nothing of either."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from pilothouse.storage.tables.metadata import key, observe

__all__ = ["prompt_calls"]

# One row a call, written with its span. `prompt` and `version` are NULL where an experiment chose a model alone,
# `label` where the call named the version; `unit` is by what the experiment tells callers apart.
# `cost_nano` is NULL where it is not known. `cached`, `error`, `refused` and `guarded` are 0 or 1.
prompt_calls = Table(
    "prompt_calls", observe,
    key("project_id"),
    key("span_id"),
    Column("trace_id", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("prompt", Text),
    Column("version", Integer),
    Column("label", Text),
    Column("experiment_id", Text),
    Column("arm", Text),
    Column("unit", Text),
    Column("model", Text),
    Column("deployment", Text),
    Column("cost_nano", BigInteger),
    Column("latency_us", BigInteger, nullable=False),
    Column("ttft_us", BigInteger),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached", Integer, nullable=False),
    Column("error", Integer, nullable=False),
    Column("refused", Integer, nullable=False),
    Column("guarded", Integer, nullable=False),
    Index("ix_prompt_calls_prompt", "project_id", "prompt", "version", "at_us",
          sqlite_where=text("prompt IS NOT NULL"), postgresql_where=text("prompt IS NOT NULL")),
    Index("ix_prompt_calls_experiment", "project_id", "experiment_id", "at_us",
          sqlite_where=text("experiment_id IS NOT NULL"), postgresql_where=text("experiment_id IS NOT NULL")),
    Index("ix_prompt_calls_trace", "project_id", "trace_id"),
)  # fmt: skip
