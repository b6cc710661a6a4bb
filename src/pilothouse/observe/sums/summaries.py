"""Keeps `traces` and the rollups in step with the spans, in the transaction that writes them.

For each trace that a batch touches: take back what it added before, add what it adds now. So a span that arrives twice
counts once, a late one is sorted in, and the sums can be made again from the spans at any time. Knows nothing of
spools.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, select, text
from sqlalchemy.engine import Connection

from pilothouse.observe.facts import COLUMNS, About, Fact, State, told_in
from pilothouse.observe.sums.cells import Delta, Judged
from pilothouse.observe.sums.rollups import apply
from pilothouse.observe.trace import Totals
from pilothouse.storage.span_days import reach, there
from pilothouse.storage.statements import among, overwrite
from pilothouse.storage.tables import scores, spans, traces

__all__ = ["Days", "TraceKey", "absorb", "judge", "known_traces", "scores_of", "states_of"]

TraceKey = tuple[str, str]
"""project id, trace id"""
Days = Mapping[TraceKey, int]
"""The day of each trace, by which its spans are found (storage.span_days)."""

_LOCK = 0x726F6C6C  # "roll"
_FACTS = select(spans.c.project_id, spans.c.trace_id, spans.c.attributes, *(spans.c[name] for name in COLUMNS))
_ROW = (
    "project_id", "trace_id", "root_id", "name", "kind", "start_us", "duration_us", "status", "error_code", "endpoint",
    "model", *About._fields, "tags", "source", "spans", "errors", "input_tokens", "output_tokens", "cost_nano",
    "cost_known", "day",
)  # fmt: skip

_START, _DURATION = _ROW.index("start_us"), _ROW.index("duration_us")


def absorb(
    connection: Connection, arrived: Mapping[TraceKey, Sequence[Fact]], known: Days, days: Days, *,
    replacing: bool = False,
) -> None:  # fmt: skip
    """Bring the sums up to date with spans that are about to be written. `known` are the traces that have a row
    already, as `known_traces` found, and whose old spans are therefore read first; `days` are those of all that
    arrived, and afterwards have a table. A span that is there stays, or is replaced by the one that arrives if they are
    `replacing`."""
    if not arrived:
        return
    before = states_of(connection, known)
    scores = scores_of(connection, arrived)  # a score may come before its trace
    delta, rows, until = Delta(), [], dict[int, int]()
    for key in sorted(arrived):
        old = before.get(key) or State()
        new = State((*old.facts.values(), *arrived[key])) if replacing else old.with_(arrived[key])
        if not replacing and len(new.facts) == len(old.facts):
            continue
        judged = scores.get(key, ())
        delta.add(key[0], old, judged, -1)
        delta.add(key[0], new, judged)
        rows.append(row := _row(key, new, days[key]))
        if (ended := row[_START] + row[_DURATION]) > until.get(row[-1], -1):
            until[row[-1]] = ended
    reach(connection, until)
    overwrite(connection, "traces", _ROW, 2, rows)
    apply(connection, delta.cells(), delta.score_cells())


def judge(
    connection: Connection, key: TraceKey, day: int, before: Sequence[Judged], now: Sequence[Judged]
) -> None:  # fmt: skip
    """The scores of a trace of that day were `before` and are `now`."""
    state = states_of(connection, {key: day}).get(key)
    if state is not None:
        delta = Delta()
        delta.add(key[0], state, before, -1)
        delta.add(key[0], state, now)
        apply(connection, delta.cells(), delta.score_cells())


def known_traces(connection: Connection, keys: Iterable[TraceKey]) -> Days:
    """Which of these traces have a row, and their days; not those whose spans went with their day, and whose row will
    follow. Under Postgres one host after the other gets that far, until the end of its transaction: two that receive
    parts of one trace at once would each take itself for the first."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    c = traces.c
    found = connection.execute(select(c.project_id, c.trace_id, c.day).where(_of(connection, traces, keys)))
    days = {(project, trace): day for project, trace, day in found}
    left = there(connection, days.values())
    return {key: day for key, day in days.items() if day in left}


def states_of(connection: Connection, days: Days) -> dict[TraceKey, State]:
    """What is in the database of these traces, each in the table of its day."""
    facts: defaultdict[TraceKey, list[Fact]] = defaultdict(list)
    if days:
        query = _FACTS.where(_of(connection, spans, days), spans.c.day.in_({*days.values()}))
        for project, trace, attributes, *values in connection.execute(query):
            facts[project, trace].append(Fact._make((*values, *_from_attributes(attributes))))
    return {key: State(found) for key, found in facts.items()}


def scores_of(connection: Connection, keys: Iterable[TraceKey]) -> dict[TraceKey, list[Judged]]:
    """The scores of these traces that are numbers."""
    c = scores.c
    query = select(c.project_id, c.trace_id, c.name, c.value, c.at_us, c.span_id).where(c.value.is_not(None))
    found: defaultdict[TraceKey, list[Judged]] = defaultdict(list)
    for project, trace, *values in connection.execute(query.where(_of(connection, scores, keys))):
        found[project, trace].append(Judged(*values))
    return found


# ---- parts


def _row(key: TraceKey, state: State, day: int) -> tuple[Any, ...]:
    root, t = state.root, Totals.of(state)
    model = next((named for call in state.calls if (named := call.response_model or call.request_model)), None)
    return (
        *key, root.id, root.name, root.kind, root.start_us, root.duration_us, root.status, root.error_code,
        root.endpoint, model, *state.about, _tags(state), root.source, t.spans, t.errors, t.input_tokens,
        t.output_tokens, t.cost_nano, t.cost_known, day,
    )  # fmt: skip


def _tags(state: State) -> str:
    return next((fact.tags for fact in (state.root, *state.facts.values()) if fact.tags != "[]"), "[]")


def _from_attributes(attributes: str) -> tuple[bool, str | None, tuple[tuple[str, str], ...]]:
    """What Facts have of them. Most rows name none of it, so most are not parsed."""
    if not any(name in attributes for name in ('"cache"', '"remote_parent_id"', '"guard')):
        return False, None, ()
    return told_in(msgspec.json.decode(attributes))


def _of(connection: Connection, table: Table, keys: Iterable[TraceKey]) -> ColumnElement[bool]:
    return among(connection, (table.c.project_id, table.c.trace_id), sorted(keys))
