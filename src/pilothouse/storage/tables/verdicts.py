"""What versions of prompts have shown: verdicts of evaluations, and where the watch over a label stands."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["prompt_verdicts", "prompt_watches"]

# `rule` is the hash of what was asked for: the suite, the metric, the limits. `against` is the version that was
# compared with, NULL where there was none. `body` has reasons, notes and differences, JSON.
prompt_verdicts = Table(
    "prompt_verdicts", control,
    key("project_id"),
    key("id"),
    Column("prompt", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("label", Text, nullable=False),
    Column("against", Integer),
    Column("rule", Text, nullable=False),
    Column("dataset_id", Text),
    Column("dataset_version", Integer),
    Column("run_id", Text, nullable=False),
    Column("baseline_run_id", Text),
    Column("passed", Boolean, nullable=False),
    Column("actor", Text, nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_prompt_verdicts_version", "project_id", "prompt", "version", "rule", "id"),
    Index("ix_prompt_verdicts_prompt", "project_id", "prompt", "id"),
)  # fmt: skip

# One row a label that is watched, about its last move: `alert_id` is the alert that is open, `acted` whether the label
# went back for it. `body` has the figures of the last look, JSON.
prompt_watches = Table(
    "prompt_watches", control,
    key("project_id"),
    key("prompt"),
    key("label"),
    Column("move_id", Text, nullable=False),
    Column("alert_id", Text),
    Column("acted", Boolean, nullable=False),
    Column("looked_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
)  # fmt: skip
