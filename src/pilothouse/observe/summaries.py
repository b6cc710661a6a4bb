"""Keeps `traces` and the rollups in step with the spans, in the transaction that writes them.

For each trace that a batch touches: take back what it added before, add what it adds now. So a span that arrives twice
counts once, a late one is sorted in, and the sums can be made again from the spans at any time. Knows nothing of
spools.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.engine import Connection

from pilothouse.observe.cells import Delta, Judged
from pilothouse.observe.facts import COLUMNS, Fact, State
from pilothouse.observe.rollups import apply, apply_scores
from pilothouse.storage.statements import chunks, marks

__all__ = ["TraceKey", "absorb", "facts_of", "judge", "known_traces", "states_of"]

TraceKey = tuple[str, str]
"""project id, trace id"""

_DAY_US = 86_400_000_000
_LOCK = 0x726F6C6C  # "roll"
_ROW = (
    "project_id", "trace_id", "root_id", "name", "kind", "start_us", "duration_us", "status", "error_code", "endpoint",
    "model", "key_id", "user_id", "session_id", "team_id", "feature", "environment", "release", "tags", "source",
    "spans", "errors", "input_tokens", "output_tokens", "cost_nano", "cost_known", "first_day", "last_day",
)  # fmt: skip
_ABOUT = ("key_id", "user_id", "session_id", "team_id", "feature", "environment", "release")
_ABOUT_ONE = attrgetter(*_ABOUT)


def absorb(connection: Connection, arrived: Mapping[TraceKey, Sequence[Fact]], known: set[TraceKey]) -> None:
    """Bring the sums up to date with spans that are about to be written. `known` are the traces that have a row
    already, as `known_traces` found, and whose old spans are therefore read first."""
    if not arrived:
        return
    before = states_of(connection, known)
    scores = _scores_of(connection, arrived)  # a score may come before its trace
    delta, rows = Delta(), []
    for key in sorted(arrived):
        old = before.get(key) or State()
        new = old.with_(arrived[key])
        if len(new.facts) == len(old.facts):
            continue
        judged = scores.get(key, ())
        delta.add(key[0], old, judged, -1)
        delta.add(key[0], new, judged)
        rows.append(_row(key, new))
    _upsert(connection, rows)
    _apply(connection, delta)


def judge(connection: Connection, key: TraceKey, before: Sequence[Judged], now: Sequence[Judged]) -> None:
    """A trace's scores were `before` and are `now`."""
    state = states_of(connection, {key}).get(key)
    if state is not None:
        delta = Delta()
        delta.add(key[0], state, tuple(before), -1)
        delta.add(key[0], state, tuple(now))
        _apply(connection, delta)


def known_traces(connection: Connection, keys: Iterable[TraceKey]) -> set[TraceKey]:
    """Which of these traces have a row. Under Postgres one host after the other gets that far, until the end of its
    transaction: two that receive parts of one trace at once would each take itself for the first."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    found: set[TraceKey] = set()
    for part in chunks(sorted(keys), 400):
        pairs = _pairs(connection, len(part))
        query = f"SELECT project_id, trace_id FROM traces WHERE (project_id, trace_id) IN ({pairs})"
        found.update(tuple(row) for row in connection.exec_driver_sql(query, _flat(part)))
    return found


def facts_of(spans: Iterable[Any]) -> dict[TraceKey, list[Fact]]:
    """Spans by trace, as facts."""
    grouped: defaultdict[TraceKey, list[Fact]] = defaultdict(list)
    for span in spans:
        grouped[span.project_id, span.trace_id].append(Fact.of(span))
    return grouped


def states_of(connection: Connection, keys: Iterable[TraceKey]) -> dict[TraceKey, State]:
    """What is in the database of these traces."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    facts: defaultdict[TraceKey, list[Fact]] = defaultdict(list)
    for part in chunks(sorted(keys), 400):
        query = (
            f"SELECT project_id, trace_id, attributes, {columns} FROM spans "
            f"WHERE (project_id, trace_id) IN ({_pairs(connection, len(part))})"
        )
        for project, trace, attributes, *values in connection.exec_driver_sql(query, _flat(part)):
            facts[project, trace].append(Fact._make((*values, *_from_attributes(attributes))))
    return {key: State(found) for key, found in facts.items()}


# ---- parts


def _apply(connection: Connection, delta: Delta) -> None:
    apply(connection, delta.cells())
    apply_scores(connection, delta.score_cells())


def _scores_of(connection: Connection, keys: Iterable[TraceKey]) -> dict[TraceKey, tuple[Judged, ...]]:
    found: defaultdict[TraceKey, list[Judged]] = defaultdict(list)
    for part in chunks(sorted(keys), 400):
        query = (
            "SELECT project_id, trace_id, name, value, at_us, span_id FROM scores "
            f"WHERE value IS NOT NULL AND (project_id, trace_id) IN ({_pairs(connection, len(part))})"
        )
        for project, trace, *values in connection.exec_driver_sql(query, _flat(part)):
            found[project, trace].append(Judged(*values))
    return {key: tuple(judged) for key, judged in found.items()}


def _row(key: TraceKey, state: State) -> tuple[object, ...]:
    facts, root, calls = state.facts.values(), state.root, state.calls()
    known = [call.cost_nano for call in calls if call.cost_nano is not None]
    model = next((named for call in calls if (named := call.response_model or call.request_model)), None)
    days = [fact.start_us // _DAY_US for fact in facts]
    paid = [call for call in calls if not call.cached]
    return (
        *key, root.id, root.name, root.kind, root.start_us, root.duration_us, root.status, root.error_code,
        root.endpoint, model, *_about(state), _tags(state), root.source,
        len(facts), sum(fact.status == "error" for fact in facts), sum(call.input_tokens or 0 for call in paid),
        sum(call.output_tokens or 0 for call in paid), sum(known) if known else None,
        all(call.cost_known for call in calls), min(days), max(days),
    )  # fmt: skip


def _about(state: State) -> tuple[str | None, ...]:
    if len(state.facts) == 1:
        return _ABOUT_ONE(state.root)
    return tuple(state.first(name) for name in _ABOUT)


def _tags(state: State) -> str:
    return next((fact.tags for fact in (state.root, *state.facts.values()) if fact.tags != "[]"), "[]")


def _upsert(connection: Connection, rows: Sequence[tuple[object, ...]]) -> None:
    if rows:
        columns = ", ".join(f'"{name}"' for name in _ROW)
        values = ", ".join(f'"{name}" = excluded."{name}"' for name in _ROW[2:])
        statement = (
            f"INSERT INTO traces ({columns}) VALUES ({marks(connection, len(_ROW))}) "
            f"ON CONFLICT (project_id, trace_id) DO UPDATE SET {values}"
        )
        connection.exec_driver_sql(statement, [_clean(row) for row in rows])


def _clean(row: tuple[object, ...]) -> tuple[object, ...]:
    """Without the NUL characters that Postgres takes for an error."""
    return tuple([v.replace("\0", "\ufffd") if type(v) is str and "\0" in v else v for v in row])


def _from_attributes(attributes: str) -> tuple[bool, str | None]:
    """Whether a cache answered, and the caller's own span. Most rows name neither, so most are not parsed."""
    if '"cache"' not in attributes and '"remote_parent_id"' not in attributes:
        return False, None
    given = msgspec.json.decode(attributes)
    remote = given.get("remote_parent_id")
    return "cache" in given, None if remote is None else str(remote)


def _pairs(connection: Connection, count: int) -> str:
    pair = f"({marks(connection, 2)})"
    listed = ", ".join([pair] * count)
    return f"VALUES {listed}" if connection.dialect.name == "sqlite" else listed


def _flat(keys: Sequence[TraceKey]) -> tuple[str, ...]:
    return tuple(part for key in keys for part in key)
