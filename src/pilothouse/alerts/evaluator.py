"""Evaluates every rule for every project and subject: once per call. Knows nothing of when, and of who is told.

What is usual is worked out once an hour for each rule and subject and kept in memory; in between, an evaluation reads
the few hours of its window.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pilothouse.alerts.book import Book, Noticed
from pilothouse.alerts.drifted import drifted, judge_drift
from pilothouse.alerts.expectation import Expectation, expect
from pilothouse.alerts.judge import Reading, judge, needs_expectation
from pilothouse.alerts.links import traces_link
from pilothouse.alerts.measures import window_of
from pilothouse.alerts.readings import Hours, Readings
from pilothouse.alerts.rules import Rule, rules_of
from pilothouse.alerts.standing import Standing, step
from pilothouse.ids import now_us
from pilothouse.monitoring import AlertsConfig
from pilothouse.observe.topics.drifts import Drifts

__all__ = ["Done", "Evaluator", "channels_for"]

_HOUR_US = 3_600_000_000
_NOTHING_MORE = "There are too few samples to go on."


@dataclass(slots=True)
class Done:
    """What one evaluation did."""

    readings: int = 0
    opened: int = 0
    cleared: int = 0


class Evaluator:
    """Reads rollups and drifts, writes the book. One process at a time: its caller holds the turn. Blocks on the
    databases."""

    def __init__(self, readings: Readings, drifts: Drifts, book: Book, clock: Callable[[], int] = now_us) -> None:
        self._readings = readings
        self._drifts = drifts
        self._book = book
        self._clock = clock
        self._expected: dict[tuple[str, Rule, str], tuple[int, Expectation | None]] = {}

    def evaluate(self, config: AlertsConfig, projects: Sequence[str]) -> Done:
        """Take the readings of now."""
        done, rules = Done(), rules_of(config)
        hour = self._clock() // _HOUR_US
        self._expected = {key: found for key, found in self._expected.items() if found[0] == hour}
        for project in projects:
            standings = self._book.standings(project)
            for rule in rules:
                self._evaluate(rule, project, standings, config, done)
            self._end_orphans(project, {rule.name for rule in rules}, standings, done)
            self._book.tell_late(project)
        self._book.end_due()
        return done

    def _evaluate(
        self, rule: Rule, project: str, standings: dict[tuple[str, str], Standing], config: AlertsConfig, done: Done
    ) -> None:
        now = self._clock()
        remembered = sorted(subject for name, subject in standings if name == rule.name)
        taken = (
            self._of_days(rule, project, now)
            if rule.kind == "drift"
            else self._of_hours(rule, project, remembered, now)
        )
        for subject in {**taken, **dict.fromkeys(remembered)}:
            reading = taken.get(subject)
            done.readings += reading is not None
            before = standings.get((rule.name, subject), Standing())
            after, what = step(before, reading, rule, now)
            if what == "fire" and reading is not None:
                noticed = Noticed(
                    rule.name, subject, rule.severity, reading.text, traces_link(rule, subject, now, reading.about_us),
                    reading.value, reading.expected, reading.samples, channels_for(rule.name, config, rule.channels),
                )  # fmt: skip
                done.opened += self._book.open(project, noticed) is not None
            elif what == "clear" and before.alert_id is not None:
                self._book.clear(project, before.alert_id, reading.text if reading else _NOTHING_MORE)
                done.cleared += 1
            elif after != before and not (after.is_blank and before.is_blank):
                self._book.keep(project, rule.name, subject, after)

    def _of_days(self, rule: Rule, project: str, now: int) -> dict[str, Reading | None]:
        """The readings of the newest days that were compared."""
        return {subject: judge_drift(rule, one) for subject, one in drifted(self._drifts, rule, project, now).items()}

    def _of_hours(
        self, rule: Rule, project: str, remembered: Sequence[str], now: int
    ) -> dict[str, Reading | None]:  # fmt: skip
        """The readings of the window that ends now, of what is busy and of what is remembered."""
        found = self._readings.recent(rule, project, now // _HOUR_US)
        return {
            subject: self._reading(rule, project, subject, found.get(subject, {}), now)
            for subject in {**found, **dict.fromkeys(remembered)}
        }

    def _reading(self, rule: Rule, project: str, subject: str, hours: Hours, now: int) -> Reading | None:
        fraction = now % _HOUR_US / _HOUR_US
        if not needs_expectation(rule):
            return judge(rule, window_of(hours.values()))
        expectation = self._expectation(rule, project, subject, now // _HOUR_US)
        return judge(rule, window_of(hours.values()), expectation, fraction)

    def _expectation(self, rule: Rule, project: str, subject: str, hour: int) -> Expectation | None:
        key = project, rule, subject
        known = self._expected.get(key)
        if known is None:
            history = self._readings.history(rule, project, subject, hour)
            known = self._expected[key] = hour, expect(history, hour, rule.hours, rule.measure)
        return known[1]

    def _end_orphans(
        self, project: str, names: set[str], standings: dict[tuple[str, str], Standing], done: Done
    ) -> None:  # fmt: skip
        """Alerts of rules that there are no more."""
        for (name, subject), standing in standings.items():
            if name not in names:
                if standing.alert_id is not None:
                    self._book.clear(project, standing.alert_id, "The rule was switched off.")
                    done.cleared += 1
                self._book.keep(project, name, subject, Standing())


def channels_for(rule: str, config: AlertsConfig, wanted: Sequence[str] = ()) -> list[str]:
    """The channels that carry what a rule notices: those it names, else all; without those that are for others."""
    return [
        name for name, channel in config.channels.items()
        if (not wanted or name in wanted) and (not channel.rules or rule in channel.rules)
    ]  # fmt: skip
