"""Who may do what, what is configured, and what waits to be done. Knows nothing of traces."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import control, key

__all__ = [
    "api_keys", "audit", "batch_items", "batches", "changes", "file_parts", "files", "jobs", "members",
    "organisations", "projects", "schedules", "snapshots", "teams",
]  # fmt: skip

# `limits` and `budgets` are JSON: config.Limits, and a list of config.Budget.
organisations = Table(
    "organisations", control,
    key("org_id"),
    Column("name", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("budgets", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

projects = Table(
    "projects", control,
    key("project_id"),
    Column("org_id", Text, nullable=False, server_default="default"),
    Column("name", Text, nullable=False),
    Column("limits", Text, nullable=False, server_default="{}"),
    Column("budgets", Text, nullable=False, server_default="[]"),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

teams = Table(
    "teams", control,
    key("project_id"),
    key("id"),
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
    key("project_id"),
    key("subject"),
    Column("role", Text),
    Column("team_id", Text),
    Column("created_us", BigInteger, nullable=False),
)  # fmt: skip

# A key itself is never stored: `hash` is the hex SHA-256 of it, `prefix` the few characters people tell keys apart by.
# `policy` is JSON: models, endpoints, networks, cache. `successor_id` names the key that a rotation put in its place.
# `revision` grows with each change of any key, so that a worker reads what changed since it last looked.
api_keys = Table(
    "api_keys", control,
    key("project_id"),
    key("id"),
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
    key("project_id"),
    key("id"),
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
    key("topic"),
    Column("number", BigInteger, nullable=False),
)  # fmt: skip

snapshots = Table(
    "snapshots", control,
    key("project_id"),
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
    key("project_id"),
    key("id"),
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
    key("project_id"),
    key("name"),
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
    key("project_id"),
    key("id"),
    Column("purpose", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, index=True),
)  # fmt: skip

file_parts = Table(
    "file_parts", control,
    key("project_id"),
    key("file_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)  # fmt: skip

# `lane` is own, vendor, or empty until that is decided; `times` is JSON: when it became what (see Batch). Only who
# holds the lease may write results.
batches = Table(
    "batches", control,
    key("project_id"),
    key("id"),
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
    key("project_id"),
    key("batch_id"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("failed", Boolean, nullable=False),
    Column("line", LargeBinary, nullable=False),
)  # fmt: skip
