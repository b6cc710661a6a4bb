"""Sums up the spans that were there before `traces` and the rollups were: a few traces at a time, beside what arrives.

An upgrade leaves a row in `backfills`; it is gone once everything is summed up. Knows nothing of threads.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, select, tuple_
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.observe.facts import Fact
from pilothouse.observe.sums.summaries import Days, TraceKey, absorb, known_traces, states_of
from pilothouse.storage.span_days import BEFORE, day_of_new
from pilothouse.storage.tables import backfills, spans, upsert

__all__ = ["SUMMARIES", "pending", "step", "with_unsummed"]

SUMMARIES = "summaries"
_ONE = (backfills.c.project_id == DEFAULT_PROJECT, backfills.c.name == SUMMARIES)
_BETWEEN = "\n"  # of a place: project, trace


def pending(connection: Connection) -> bool:
    """Whether there may be spans that are not summed up."""
    return connection.execute(select(backfills.c.name).where(*_ONE)).first() is not None


def with_unsummed(
    connection: Connection, arrived: Mapping[TraceKey, Sequence[Fact]], known: Days, today: int
) -> tuple[Mapping[TraceKey, Sequence[Fact]], Days]:
    """What arrived, together with what is there of the same traces and was never summed up; and the day of each trace,
    which for a new one is `today`."""
    new = day_of_new(connection, today)
    days = {key: known.get(key, new) for key in arrived}
    if len(known) == len(arrived) or not pending(connection):
        return arrived, days
    there = states_of(connection, dict.fromkeys(arrived.keys() - known.keys(), BEFORE))
    whole = {key: [*there[key].facts.values(), *facts] if key in there else facts for key, facts in arrived.items()}
    return whole, days | dict.fromkeys(there, BEFORE)


def step(connection: Connection, limit: int = 200) -> bool:
    """Sum up the next traces, in a transaction of the caller's; False once there are none left."""
    place = connection.execute(select(backfills.c.place).where(*_ONE)).scalar()
    if place is None:
        return False
    project, _, trace = place.partition(_BETWEEN)
    c = spans.c
    later = tuple_(c.project_id, c.trace_id) > tuple_(project, trace)
    query = (
        select(c.project_id, c.trace_id)
        .distinct()
        .where(c.day == BEFORE, later)
        .order_by(c.project_id, c.trace_id)
        .limit(limit)
    )
    keys = [(row.project_id, row.trace_id) for row in connection.execute(query)]
    if not keys:
        connection.execute(delete(backfills).where(*_ONE))
        return False
    missing = dict.fromkeys(set(keys) - known_traces(connection, keys).keys(), BEFORE)
    states = states_of(connection, missing)
    absorb(connection, {key: list(state.facts.values()) for key, state in states.items()}, {}, missing)
    row = {"project_id": DEFAULT_PROJECT, "name": SUMMARIES, "place": _BETWEEN.join(keys[-1])}
    connection.execute(upsert(connection, backfills), row)
    return True
