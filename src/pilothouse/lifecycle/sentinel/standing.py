"""Where the deployments stand, for people: shown, and taken for the new baseline. Asks no model."""

from collections.abc import Callable

import msgspec

from pilothouse.access.audit import Actor, record
from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.errors import Conflict, NotFound
from pilothouse.lifecycle.paying import Payers
from pilothouse.lifecycle.sentinel.course import Course, Status, examples_of, references_of, take
from pilothouse.lifecycle.sentinel.kept import Kept, Reading, State
from pilothouse.lifecycle.sentinel.measuring import shown_figures
from pilothouse.lifecycle.sentinel.plan import targets
from pilothouse.lifecycle.sentinel.telling import sentence
from pilothouse.scoring import SentinelConfig
from pilothouse.storage import Store
from pilothouse.storage.cron import Cron
from pilothouse.storage.database import writing
from pilothouse.types import Json

__all__ = ["PURPOSE", "Standing", "next_run_us", "reading_json"]

PURPOSE = "sentinel"
"""What the sentinel's account is called."""

_MOST = 500


def next_run_us(config: SentinelConfig, run_us: int) -> int:
    """When a deployment that was asked last at `run_us` is due; at once where it never was."""
    return Cron.parse(config.schedule).next_after(run_us) if run_us else 0


class Standing:
    """Of the sentinel that `config` has now."""

    def __init__(self, store: Store, book: Book, payers: Payers, config: Callable[[], Config]) -> None:
        self._store = store
        self._book = book
        self._payers = payers
        self._config = config
        self.kept = Kept(store)

    def shown(self, project: str) -> Json:
        """The sentinel as configured, what it spent today, and each deployment: where it stands, how far its baseline
        is, the evidence for a change (an alert comes at `false_alarms`) and what differs. Without one in this project
        no deployments."""
        config = self._config()
        sentinel = config.evals.sentinel
        if sentinel is None or sentinel.project != project:
            return {"enabled": False, "deployments": []}
        states = {state.deployment: state for state in self.kept.states(project)}
        return {
            "enabled": sentinel.enabled,
            "models": sentinel.models,
            "prompts": len(sentinel.prompts) or None,
            "dataset": sentinel.dataset,
            "schedule": sentinel.schedule,
            "watch": sentinel.watch,
            "baseline": sentinel.baseline,
            "false_alarms": sentinel.false_alarms,
            "spent_nano": self._payers.spent([PURPOSE])[0],
            "budget_nano": int(sentinel.usd_per_day.scaleb(9)),
            "deployments": [
                self._with_examples(project, _deployment(one.id, states.get(one.id), sentinel), states.get(one.id))
                for one in targets(config, sentinel.models)
            ],
        }

    def readings(self, project: str, deployment: str, limit: int = 50, before: int | None = None) -> list[Reading]:
        """The newest runs first. Raises NotFound for a deployment that was never asked."""
        if self.kept.state(project, deployment) is None:
            raise NotFound(f"The sentinel knows no deployment '{deployment[:80]}'.", param="deployment")
        return self.kept.readings(project, deployment, limit, before)

    def accept(self, by: Actor, project: str, deployment: str) -> State:
        """Take what a deployment answers now for usual: the runs since the change begin a new baseline, and the alert
        is over. Raises NotFound, Conflict where nothing has changed."""
        sentinel = self._config().evals.sentinel
        state = self.kept.state(project, deployment)
        if state is None or sentinel is None or sentinel.project != project:
            raise NotFound(f"The sentinel knows no deployment '{deployment[:80]}'.", param="deployment")
        change = state.course.change
        if change is None:
            raise Conflict(f"'{deployment}' answers as before: there is nothing to accept.")
        course, status = self._again(sentinel, deployment, change.since_us)
        fresh = State(project, deployment, state.plan, status, change.since_us, state.run_us, course)
        self.kept.put(fresh)
        if state.course.alert_id is not None:
            self._book.clear(project, state.course.alert_id, f"{by.name} took it for the new baseline.")
        with writing(self._store.control) as connection:
            record(connection, by, "sentinel.accept", f"deployment:{deployment}", project_id=project)
        return fresh

    def _with_examples(self, project: str, told: Json, state: State | None) -> Json:
        """The answers are read anew: they are kept in one place, where they can be sealed and deleted."""
        change = None if state is None else state.course.change
        if state is not None and change is not None:
            run = self.kept.runs(project, state.deployment, [change.found_us])
            references = self.kept.runs(project, state.deployment, state.course.reference)
            found = examples_of(run[0], references) if run else []
            told["change"]["examples"] = msgspec.to_builtins(found)
        return told

    def _again(self, sentinel: SentinelConfig, deployment: str, since_us: int) -> tuple[Course, Status]:
        """The course of the runs since then, as if they were the first."""
        course, status = Course(), Status.__args__[0]  # type: ignore[attr-defined]
        for reading in reversed(self.kept.readings(sentinel.project, deployment, _MOST, since=since_us)):
            references = self.kept.runs(sentinel.project, deployment, course.reference)
            limit = float(sentinel.false_alarms)
            status = take(course, reading.run, references, sentinel.baseline, sentinel.watch, limit)
        return course, status


def reading_json(reading: Reading) -> Json:
    """A run with its answers, without their vectors."""
    answers = {key: msgspec.to_builtins(one) for key, one in reading.run.answers.items()}
    for one in answers.values():
        one.pop("vector", None)
    return {
        "at_us": reading.run.at_us, "evidence": reading.evidence, "figures": shown_figures(reading.run),
        "answers": answers,
    }  # fmt: skip


def _deployment(name: str, state: State | None, sentinel: SentinelConfig) -> Json:
    baseline = sentinel.baseline
    if state is None:
        return {
            "deployment": name, "status": "learning", "runs": 0, "to_learn": baseline, "since_us": None, "run_us": None,
            "next_us": None, "evidence": 0.0, "error": None, "models": [], "alert_id": None, "says": None,
            "change": None,
        }  # fmt: skip
    course = state.course
    learnt = len(course.reference) + min(len(course.figures), baseline - references_of(baseline))
    return {
        "deployment": name, "status": state.status, "runs": course.runs, "to_learn": max(0, baseline - learnt),
        "since_us": state.since_us, "run_us": state.run_us, "next_us": next_run_us(sentinel, state.run_us),
        "evidence": course.evidence, "error": course.error, "models": course.models, "alert_id": course.alert_id,
        "says": None if course.change is None else sentence(course.change),
        "change": None if course.change is None else msgspec.to_builtins(course.change),
    }  # fmt: skip
