"""What rules read: hours of the rollups, by subject. Knows nothing of rules' levels."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Engine

from pilothouse.alerts.expectation import HISTORY_HOURS
from pilothouse.alerts.measures import HISTOGRAMS, SUMS
from pilothouse.alerts.rules import Rule
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["MOST_SUBJECTS", "Hours", "Readings"]

MOST_SUBJECTS = 50
"""Of each rule, the busiest."""

Hours = dict[int, Any]
"""Rows by the number of their hour since 1970-01-01 (UTC)."""


class Readings:
    """The hourly rollups of one database. Blocks on it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def recent(self, rule: Rule, project: str, hour: int) -> dict[str, Hours]:
        """The rows of the rule's window that ends in `hour`, by subject: the busiest ones. Scores are by name."""
        found = self._read(rule, project, hour - rule.hours + 1, hour, None)
        if rule.by == "all" and rule.measure != "score":
            return {"": found.get("", {})}
        busiest = sorted(found, key=lambda subject: (-_weight(found[subject]), subject))
        return {subject: found[subject] for subject in busiest[:MOST_SUBJECTS]}

    def history(self, rule: Rule, project: str, subject: str, hour: int) -> Hours:
        """The rows of one subject before `hour`, as far back as expectations need them."""
        return self._read(rule, project, hour - HISTORY_HOURS, hour - 1, subject).get(subject, {})

    def _read(self, rule: Rule, project: str, first: int, last: int, subject: str | None) -> dict[str, Hours]:
        scored = rule.measure == "score"
        table = score_rollups if scored else rollups
        c = table.c
        columns = (
            [c.at, c.value, c.name, c.count, c.total]
            if scored
            else [c.at, c.value, *(c[name] for name in (*SUMS, *HISTOGRAMS.get(rule.measure, ())))]
        )
        where = [c.project_id == project, c.grain == "hour", c.dimension == rule.by, c.at.between(first, last)]
        if subject is not None:
            value, _, name = subject.rpartition(_SEPARATOR) if scored else (subject, "", "")
            where += [c.value == value, *([c.name == name] if scored else [])]
        found: defaultdict[str, Hours] = defaultdict(dict)
        with self._engine.connect() as connection:
            for row in connection.execute(select(*columns).where(*where)).mappings():
                named = subject_of(row["value"], row["name"]) if scored else row["value"]
                found[named][row["at"]] = row
        return found


_SEPARATOR = " · "


def subject_of(value: str, score: str) -> str:
    """The subject of a score, within a model, a key ... where the rule goes by those."""
    return f"{value}{_SEPARATOR}{score}" if value else score


def _weight(hours: Hours) -> int:
    return sum(row["count"] if "count" in row else row["requests"] + row["calls"] for row in hours.values())
