"""Experiments over prompts and models, and what each look at them showed. Knows nothing of arms and tests."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = ["experiment_looks", "experiments"]

# `body` is the experiment, JSON; the other columns repeat what is asked for. `about` is what it splits, and of the
# experiments that run one is about it at most. `serving` tells whether calls are to be asked about it; `due` whether
# something that was decided is still to be done. `revision` grows with every change.
experiments = Table(
    "experiments", control,
    key("project_id"),
    key("id"),
    Column("name", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("serving", Boolean, nullable=False),
    Column("due", Boolean, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Index("uq_experiments_name", "project_id", "name", unique=True),
    Index("uq_experiments_serving", "project_id", "about", unique=True, sqlite_where=text("serving"),
          postgresql_where=text("serving")),
    Index("ix_experiments_due", "due", sqlite_where=text("due"), postgresql_where=text("due")),
)  # fmt: skip

# One look: what was seen and told at that time (UTC microseconds), JSON. Those that lie close together are thinned out.
experiment_looks = Table(
    "experiment_looks", control,
    key("project_id"),
    key("experiment_id"),
    Column("at_us", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
)  # fmt: skip
