"""Every table, as SQLAlchemy Core. Knows nothing of connections, nor of what the rooms do with their rows.

Two groups, which are two files under SQLite and share one database under Postgres:

    control   projects, api_keys, snapshots, jobs, schedules
    observe   spans, payloads, manifests, spool_cursors

`project_id` is in every primary key: the project is the only unit of isolation. Ids are UUIDv7 text, `*_us` columns UTC
microseconds, `*_nano` columns nano-USD, JSON is text. A change here needs a revision in `migrations/`; a test compares.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

__all__ = [
    "api_keys", "control", "insert_new", "jobs", "manifests", "observe", "payloads", "projects", "schedules",
    "snapshots", "spans", "spool_cursors", "upsert",
]  # fmt: skip

_NAMES = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}

control = MetaData(naming_convention=_NAMES)
observe = MetaData(naming_convention=_NAMES)


def _key(name: str) -> Column[Any]:
    return Column(name, Text, primary_key=True)


projects = Table(
    "projects", control,
    _key("project_id"),
    Column("name", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# A key itself is never stored: `hash` is the hex SHA-256 of it, `prefix` the few characters people tell keys apart by.
api_keys = Table(
    "api_keys", control,
    _key("project_id"),
    _key("id"),
    Column("hash", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Index("ix_api_keys_hash", "hash", unique=True),
)  # fmt: skip

snapshots = Table(
    "snapshots", control,
    _key("project_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# `status` is queued, running, done, failed (the dead letters) or cancelled. `lease` names one claim by one worker.
jobs = Table(
    "jobs", control,
    _key("project_id"),
    _key("id"),
    Column("task", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    Column("run_at_us", BigInteger, nullable=False),
    Column("dedupe_key", Text),
    Column("lease", Text),
    Column("lease_until_us", BigInteger),
    Column("cancel_requested", Boolean, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("traceback", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("started_us", BigInteger),
    Column("finished_us", BigInteger),
    Index(
        "ix_jobs_dedupe", "project_id", "dedupe_key", unique=True,
        sqlite_where=text("status IN ('queued', 'running')"),
        postgresql_where=text("status IN ('queued', 'running')"),
    ),
)  # fmt: skip

Index("ix_jobs_claim", jobs.c.status, jobs.c.priority.desc(), jobs.c.id)

schedules = Table(
    "schedules", control,
    _key("project_id"),
    _key("name"),
    Column("cron", Text, nullable=False),
    Column("task", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("next_us", BigInteger, nullable=False),
    Column("last_us", BigInteger),
    Index("ix_schedules_next_us", "next_us"),
)  # fmt: skip

# One row per finished span. The primary key starts with the trace, so that a trace is read in one range scan.
spans = Table(
    "spans", observe,
    _key("project_id"),
    _key("trace_id"),
    _key("id"),
    Column("parent_id", Text),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("request_id", Text),
    Column("key_id", Text),
    Column("user_id", Text),
    Column("session_id", Text),
    Column("endpoint", Text),
    Column("operation", Text),
    Column("provider", Text),
    Column("request_model", Text),
    Column("response_model", Text),
    Column("deployment", Text),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cache_write_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("usage_estimated", Boolean),
    Column("ttft_us", BigInteger),
    Column("cost_nano", BigInteger),
    Column("cost_known", Boolean, nullable=False),
    Column("manifest_id", Text),
    Column("attributes", Text, nullable=False),
    Index(
        "ix_spans_roots", "project_id", "start_us", "trace_id",
        sqlite_where=text("parent_id IS NULL"), postgresql_where=text("parent_id IS NULL"),
    ),
)  # fmt: skip

# `body` is what payloads.pack makes of {"input": ..., "output": ...}.
payloads = Table(
    "payloads", observe,
    _key("project_id"),
    _key("trace_id"),
    _key("span_id"),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

manifests = Table(
    "manifests", observe,
    _key("project_id"),
    _key("id"),
    Column("versions", Text, nullable=False),
)  # fmt: skip

# How far each spool has been moved into this database. Spools serve all projects: project_id is always 'default'.
spool_cursors = Table(
    "spool_cursors", observe,
    _key("project_id"),
    _key("spool"),
    Column("segment", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
)  # fmt: skip


def insert_new(connection: Connection, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING in the connection's dialect: writing a row twice changes nothing."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(connection: Connection, table: Table) -> Insert:
    """INSERT that overwrites every other column of the row with the same primary key."""
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
