"""A day of a project against the days before it: what was asked, and what came out. Knows nothing of rules.

Inputs are the vectors of the sampled questions. Outputs are what the rollups keep of a day: tokens written by each
call, how long requests took, how they ended (well, or by which error), and each score by its name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import select
from sqlalchemy.engine import Connection

from pilothouse.observe.topics.questions import Questions
from pilothouse.stats.drift import Counts, Drift, binned, drift_of_counts, drift_of_vectors
from pilothouse.stats.histogram import unpack
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["DAYS", "LEAST", "LEAST_DAYS", "QUESTIONS", "Compared", "Kind", "compare_inputs", "compare_outputs"]

Kind = Literal["input", "output"]
DAYS = 14
"""How many days back a day is compared with."""
LEAST_DAYS = 7
"""How many of them must have enough: a week, so that a weekend is compared with one."""
LEAST = 50
"""Samples that a day needs, and each day before it that is to count."""
QUESTIONS = "questions"
"""What inputs are measured by."""

_DAY_US = 86_400_000_000
_MOST = 300  # questions of a day: 15 days of them are compared in half a second
_ENDINGS = 8  # told apart, the commonest; the rest counts as one
_SCORES = 20  # names of scores, those that judged most
_Histograms = Sequence[Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared, and on how many samples that rests: of the day, and of those of the `days` before it."""

    kind: Kind
    measure: str
    drift: Drift
    samples: int
    earlier: int
    days: int


def compare_inputs(questions: Questions, project: str, day: int) -> Compared | None:
    """The questions of a day (its number since 1970-01-01, UTC); None where there are too few, on it or before."""
    here = questions.between(project, day * _DAY_US, (day + 1) * _DAY_US, _MOST)
    if len(here) < LEAST:
        return None
    found = [questions.between(project, at * _DAY_US, (at + 1) * _DAY_US, _MOST) for at in range(day - DAYS, day)]
    before = [one.vectors for one in found if len(one) >= LEAST and one.model == here.model]
    if len(before) < LEAST_DAYS:
        return None
    drift = drift_of_vectors(here.vectors, before)
    return Compared("input", QUESTIONS, drift, len(here), sum(map(len, before)), len(before))


def compare_outputs(connection: Connection, project: str, day: int) -> list[Compared]:
    """What came out on a day; without what there is too little of, on it or before."""
    days = range(day, day - DAYS - 1, -1)
    told: dict[str, Counts] = {}
    rows = _rollups(connection, project, days)
    if any(rows.values()):
        told["output_tokens"] = binned([rows[at].get("written", {}) for at in days])
        told["latency"] = binned([rows[at].get("latency", {}) for at in days])
    told["outcome"] = _endings(connection, project, days, {at: rows[at].get("well", {}).get(0, 0) for at in days})
    told |= {f"score {name}": binned(histograms) for name, histograms in _scores(connection, project, days).items()}
    compared = (_compared(measure, counts) for measure, counts in told.items())
    return [one for one in compared if one is not None]


def _compared(measure: str, counts: Counts) -> Compared | None:
    """`counts` has a row for the day, then one for each before it."""
    sizes = counts.sum(axis=1)
    before = counts[1:][sizes[1:] >= LEAST]
    if sizes[0] < LEAST or len(before) < LEAST_DAYS:
        return None
    drift = drift_of_counts(counts[0], before)
    return Compared("output", measure, drift, int(sizes[0]), int(before.sum()), len(before))


def _rollups(connection: Connection, project: str, days: range) -> dict[int, dict[str, dict[int, int]]]:
    """By day: histograms by name; under `well` the number of requests that did not fail, at 0."""
    c = rollups.c
    query = select(c.at, c.requests, c.failed, c.latency, c.written).where(
        c.project_id == project, c.grain == "day", c.dimension == "all", c.at.between(days[-1], days[0]), c.value == ""
    )
    found: dict[int, dict[str, dict[int, int]]] = {at: {} for at in days}
    for row in connection.execute(query):
        found[row.at] = {
            "well": {0: row.requests - row.failed}, "latency": unpack(row.latency), "written": unpack(row.written)
        }  # fmt: skip
    return found


def _endings(connection: Connection, project: str, days: range, well: Mapping[int, int]) -> Counts:
    c = rollups.c
    query = select(c.at, c.value, c.failed).where(
        c.project_id == project, c.grain == "day", c.dimension == "error", c.at.between(days[-1], days[0])
    )
    failed: dict[str, dict[int, int]] = {}
    for at, code, count in connection.execute(query):
        failed.setdefault(code, {})[at] = count
    ordered = sorted(failed, key=lambda code: (-sum(failed[code].values()), code))
    common, rest = ordered[:_ENDINGS], ordered[_ENDINGS:]
    columns = [well, *(failed[code] for code in common)]
    if rest:
        columns.append({at: sum(failed[code].get(at, 0) for code in rest) for at in days})
    return np.array([[max(0, column.get(at, 0)) for column in columns] for at in days], np.int64)


def _scores(connection: Connection, project: str, days: range) -> dict[str, _Histograms]:
    c = score_rollups.c
    query = select(c.at, c.name, c.count, c.histogram).where(
        c.project_id == project, c.grain == "day", c.dimension == "all", c.at.between(days[-1], days[0]), c.value == ""
    )
    found: dict[str, dict[int, dict[int, int]]] = {}
    judged: dict[str, int] = {}
    for at, name, count, histogram in connection.execute(query):
        found.setdefault(name, {})[at] = unpack(histogram)
        judged[name] = judged.get(name, 0) + count
    names = sorted(judged, key=lambda name: (-judged[name], name))[:_SCORES]
    return {name: [found[name].get(at, {}) for at in days] for name in sorted(names)}
