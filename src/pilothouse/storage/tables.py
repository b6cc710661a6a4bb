"""Every table, as SQLAlchemy Core. Knows nothing of connections, nor of what the rooms do with their rows.

Two groups, which are two files under SQLite and share one database under Postgres:

    control   organisations, projects, teams, members, api_keys, audit, changes, snapshots, jobs, schedules, files,
              file_parts, batches, batch_items
    observe   spans, payloads, manifests, spool_cursors, ledger, reservations, balances, responses, response_events

`project_id` is in every primary key: the project is the only unit of isolation. (`organisations` stand above projects,
`changes` beside them.) Ids are UUIDv7 text, `*_us` columns UTC microseconds, `*_nano` columns nano-USD, JSON is text. A
change here needs a revision in `migrations/`; a test compares.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Insert, Integer, LargeBinary, MetaData, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

__all__ = [
    "api_keys", "audit", "balances", "batch_items", "batches", "changes", "control", "file_parts", "files",
    "insert_new", "jobs", "ledger", "manifests", "members", "observe", "organisations", "payloads", "projects",
    "reservations", "response_events", "responses", "schedules", "snapshots", "spans", "spool_cursors", "teams",
    "upsert",
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


# `limits` and `budgets` are JSON: config.Limits, and a list of config.Budget.
organisations = Table(
    "organisations", control,
    _key("org_id"),
    Column("name", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("budgets", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

projects = Table(
    "projects", control,
    _key("project_id"),
    Column("org_id", Text, nullable=False, server_default="default"),
    Column("name", Text, nullable=False),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("budgets", Text, nullable=False, server_default="[]"),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

teams = Table(
    "teams", control,
    _key("project_id"),
    _key("id"),
    Column("name", Text, nullable=False),
    Column("role", Text),
    Column("limits", Text, nullable=False),
    Column("budgets", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# Who may sign in, and as what: `subject` is the `sub` or the verified e-mail address of an OpenID provider's user.
# Without a `role` of their own they have their team's; so have keys.
members = Table(
    "members", control,
    _key("project_id"),
    _key("subject"),
    Column("role", Text),
    Column("team_id", Text),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# A key itself is never stored: `hash` is the hex SHA-256 of it, `prefix` the few characters people tell keys apart by.
# `policy` is JSON: models, endpoints, networks, cache. `successor_id` names the key that a rotation put in its place.
# `revision` grows with each change of any key, so that a worker reads what changed since it last looked.
api_keys = Table(
    "api_keys", control,
    _key("project_id"),
    _key("id"),
    Column("hash", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text),
    Column("team_id", Text),
    Column("policy", Text, nullable=False, server_default="{}"),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("budgets", Text, nullable=False, server_default="[]"),
    Column("successor_id", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Index("ix_api_keys_hash", "hash", unique=True),
    Index("ix_api_keys_revision", "revision"),
)  # fmt: skip

# Append-only: triggers refuse to change or delete a row. `before` and `after` are JSON, null where there was nothing.
audit = Table(
    "audit", control,
    _key("project_id"),
    _key("id"),
    Column("at_us", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
)  # fmt: skip

# A number per topic that grows with each change, so that every process notices what another one changed.
changes = Table(
    "changes", control,
    _key("topic"),
    Column("number", BigInteger, nullable=False),
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

# `status` is uploading until every part is there, then uploaded: nobody sees a file before.
files = Table(
    "files", control,
    _key("project_id"),
    _key("id"),
    Column("purpose", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, index=True),
)  # fmt: skip

file_parts = Table(
    "file_parts", control,
    _key("project_id"),
    _key("file_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)  # fmt: skip

# `lane` is own, vendor, or empty until that is decided; `times` is JSON: when it became what (see Batch). Only who
# holds the lease may write results.
batches = Table(
    "batches", control,
    _key("project_id"),
    _key("id"),
    Column("key_id", Text, nullable=False),
    Column("client_ip", Text, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("input_file_id", Text, nullable=False),
    Column("metadata", Text),
    Column("status", Text, nullable=False, index=True),
    Column("model", Text),
    Column("lane", Text, nullable=False),
    Column("vendor", Text),
    Column("total", Integer, nullable=False),
    Column("completed", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("usage", Text),
    Column("errors", Text),
    Column("output_file_id", Text),
    Column("error_file_id", Text),
    Column("times", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("lease", Text),
    Column("lease_until_us", BigInteger),
)  # fmt: skip

# One row per request that has its result, and none for the others. `line` is the line of the output or error file.
batch_items = Table(
    "batch_items", control,
    _key("project_id"),
    _key("batch_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("failed", Boolean, nullable=False),
    Column("line", LargeBinary, nullable=False),
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
    Column("team_id", Text),
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


# What was spent, one row per settled call; never changed. `nano` is null where no price is known. `kind` is call,
# orphan (a crash ended the call) or adjustment. `day` counts days since 1970-01-01 (UTC). `accounts` is a JSON list.
ledger = Table(
    "ledger", observe,
    _key("project_id"),
    _key("id"),
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
    _key("project_id"),
    _key("id"),
    Column("spool", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_reservations_spool", "spool"),
)  # fmt: skip

# The ledger summed by account and day, maintained with it. `version` grows with each change of the row. An
# organisation's account has the project_id `*`.
balances = Table(
    "balances", observe,
    _key("project_id"),
    _key("account"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("nano", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
)  # fmt: skip

# Answers kept for OpenAI's Responses API until `expires_us`. `body` is what payloads.pack makes of {"input": [items],
# "response": {...}}. `lease_until_us`: until when the process that still works on it is taken to be alive.
responses = Table(
    "responses", observe,
    _key("project_id"),
    _key("id"),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("previous_id", Text),
    Column("lease_until_us", BigInteger),
    Column("body", LargeBinary, nullable=False),
    Index("ix_responses_expires_us", "expires_us"),
)  # fmt: skip

# Events `first` to `last` of a response that is streamed from the background; `body` is packed JSON.
response_events = Table(
    "response_events", observe,
    _key("project_id"),
    _key("response_id"),
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("last", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip


def insert_new(connection: Connection, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING in the connection's dialect: writing a row twice changes nothing."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


def upsert(connection: Connection | Engine, table: Table) -> Insert:
    """INSERT that overwrites every other column of the row with the same primary key."""
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    values = {column.name: insert.excluded[column.name] for column in table.columns if not column.primary_key}
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)
