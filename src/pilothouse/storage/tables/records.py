"""What happened: spans, their payloads, and what is summed up of them. Knows nothing of money."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text, text

from pilothouse.storage.tables.metadata import key, observe

__all__ = [
    "backfills", "erasures", "manifests", "payloads", "rollups", "score_rollups", "scores", "sheets", "span_days",
    "spans", "spool_cursors", "traces",
]  # fmt: skip

# One row per finished span. The primary key starts with the trace, so that a trace is read in one range scan. Under
# Postgres in partitions by `day`, each with that key, see storage.span_days.
spans = Table(
    "spans", observe,
    key("project_id"),
    key("trace_id"),
    key("id"),
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
    Column("feature", Text),
    Column("environment", Text),
    Column("release", Text),
    Column("prompt", Text),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("source", Text, nullable=False, server_default="gateway"),
    Column("attributes", Text, nullable=False),
    Column("payload_day", Integer),
    Column("day", Integer, nullable=False, server_default=text("0")),
    Index(
        "ix_spans_roots", "project_id", "start_us", "trace_id",
        sqlite_where=text("parent_id IS NULL"), postgresql_where=text("parent_id IS NULL"),
    ),
    Index(
        "ix_spans_request", "project_id", "request_id",
        sqlite_where=text("parent_id IS NULL AND request_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NULL AND request_id IS NOT NULL"),
    ),
    Index(
        "ix_spans_shadow", "project_id", "start_us",
        sqlite_where=text("operation = 'shadow'"), postgresql_where=text("operation = 'shadow'"),
    ),
    Index(
        "ix_spans_guards", "project_id", "start_us",
        sqlite_where=text("kind = 'guard'"), postgresql_where=text("kind = 'guard'"),
    ),
)  # fmt: skip

# The partitions of `spans`, and until when the traces of each last; of all projects: project_id is always 'default'.
span_days = Table(
    "span_days", observe,
    key("project_id"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    Column("until_us", BigInteger, nullable=False),
)  # fmt: skip

# `body` is what payloads.Packer makes of {"input": ..., "output": ...}. Only bodies from before they were kept by day
# are here, those of spans without a `payload_day`; the others are in tables like this one, see storage.payload_days.
payloads = Table(
    "payloads", observe,
    key("project_id"),
    key("trace_id"),
    key("span_id"),
    Column("body", LargeBinary, nullable=False),
)  # fmt: skip

manifests = Table(
    "manifests", observe,
    key("project_id"),
    key("id"),
    Column("versions", Text, nullable=False),
)  # fmt: skip

# How far each spool has been moved into this database. Spools serve all projects: project_id is always 'default'.
spool_cursors = Table(
    "spool_cursors", observe,
    key("project_id"),
    key("spool"),
    Column("segment", BigInteger, nullable=False),
    Column("offset", BigInteger, nullable=False),
)  # fmt: skip

# One row per trace, summed up over its spans and kept with them: what lists and sessions read. `root_id` is the span
# that stands for it, the first one while no root has arrived. `tags` is a JSON list. Its spans are those of `day`.
traces = Table(
    "traces", observe,
    key("project_id"),
    key("trace_id"),
    Column("root_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("start_us", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("error_code", Text),
    Column("endpoint", Text),
    Column("model", Text),
    Column("key_id", Text),
    Column("user_id", Text),
    Column("session_id", Text),
    Column("team_id", Text),
    Column("feature", Text),
    Column("environment", Text),
    Column("release", Text),
    Column("tags", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("spans", Integer, nullable=False),
    Column("errors", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cost_nano", BigInteger),
    Column("cost_known", Boolean, nullable=False),
    Column("day", Integer, nullable=False, server_default=text("0")),
    Index("ix_traces_start", "project_id", "start_us", "trace_id"),
    Index("ix_traces_session", "project_id", "session_id", "start_us", "trace_id",
          sqlite_where=text("session_id IS NOT NULL"), postgresql_where=text("session_id IS NOT NULL")),
    Index("ix_traces_user", "project_id", "user_id", "start_us", "trace_id",
          sqlite_where=text("user_id IS NOT NULL"), postgresql_where=text("user_id IS NOT NULL")),
)  # fmt: skip

# Judgements of a trace, one of its spans, or a session: by people, by users, by evaluators. `value` is a number, for
# booleans 0 or 1; `label` is the category. `source` says who judged: api, sdk, feedback, evaluator, ...
scores = Table(
    "scores", observe,
    key("project_id"),
    key("id"),
    Column("trace_id", Text),
    Column("span_id", Text),
    Column("session_id", Text),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Float),
    Column("label", Text),
    Column("comment", Text),
    Column("source", Text, nullable=False),
    Column("author", Text),
    Column("metadata", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Index("ix_scores_trace", "project_id", "trace_id", "at_us", "id"),
    Index("ix_scores_at", "project_id", "at_us", "id"),
    Index("ix_scores_session", "project_id", "session_id", "at_us", sqlite_where=text("session_id IS NOT NULL"),
          postgresql_where=text("session_id IS NOT NULL")),
    Index("ix_scores_guards", "project_id", "name", "at_us",
          sqlite_where=text("source = 'guard'"), postgresql_where=text("source = 'guard'")),
)  # fmt: skip

# What happened in an hour or a day, by one dimension at a time: `grain` is hour or day, `at` counts them since
# 1970-01-01 (UTC). `value` is the model, key, feature, ... that `dimension` names. Sums over contributions of traces
# (observe.sums), so that they can be made again from `spans` and `scores`. Histograms are packed (stats.histogram).
rollups = Table(
    "rollups", observe,
    key("project_id"),
    key("grain"),
    key("dimension"),
    Column("at", Integer, primary_key=True, autoincrement=False),
    key("value"),
    Column("requests", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("call_errors", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cached_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("reasoning_tokens", BigInteger, nullable=False),
    Column("cost_nano", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("latency", LargeBinary, nullable=False),
    Column("call_latency", LargeBinary, nullable=False),
    Column("ttft", LargeBinary, nullable=False),
    Column("tokens", LargeBinary, nullable=False),
    Column("speed", LargeBinary, nullable=False),
    Column("written", LargeBinary, nullable=False),
)  # fmt: skip

# The same for scores: `histogram` counts hundredths of the value.
score_rollups = Table(
    "score_rollups", observe,
    key("project_id"),
    key("grain"),
    key("dimension"),
    Column("at", Integer, primary_key=True, autoincrement=False),
    key("value"),
    key("name"),
    Column("count", BigInteger, nullable=False),
    Column("total", Float, nullable=False),
    Column("histogram", LargeBinary, nullable=False),
)  # fmt: skip

# The rows of `rollups` of a day that is over and of a dimension as one: the values as a list (msgpack), and their sums
# by column (observe.sums.sheets). Made from those rows, and made again.
sheets = Table(
    "sheets", observe,
    key("project_id"),
    Column("day", Integer, primary_key=True, autoincrement=False),
    key("dimension"),
    Column("named", LargeBinary, nullable=False),
    Column("sums", LargeBinary, nullable=False),
)  # fmt: skip

# What was deleted and must not come back from a spool: spans of `project_id` that began before `until_us`, all of them
# (kind `age`), those of the user `value`, or those of the trace `value`. `at_us` is when that was said.
erasures = Table(
    "erasures", observe,
    key("project_id"),
    key("kind"),
    key("value"),
    Column("until_us", BigInteger, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)  # fmt: skip

# What an upgrade left to be summed up, and how far that came: `place` is the last trace that was done.
backfills = Table(
    "backfills", observe,
    key("project_id"),
    key("name"),
    Column("place", Text, nullable=False),
)  # fmt: skip
