"""The sentinel as one argument: what other rooms ask it, and the work it does while a server runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.ids import now_us
from pilothouse.lifecycle.paying import Payers
from pilothouse.lifecycle.scoring.scorer import Tools
from pilothouse.lifecycle.sentinel.course import references_of
from pilothouse.lifecycle.sentinel.kept import Kept, Reading, State
from pilothouse.lifecycle.sentinel.measuring import shown_figures
from pilothouse.lifecycle.sentinel.plan import targets
from pilothouse.lifecycle.sentinel.telling import sentence
from pilothouse.lifecycle.sentinel.work import PURPOSE, SentinelWork, next_run_us
from pilothouse.models import EncoderStore
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn
from pilothouse.types import Json

__all__ = ["Sentinel", "open_sentinel", "reading_json", "sentinel_state"]

_TURN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Sentinel:
    """`kept` has the runs, `work` makes them; `config` gives what serves now."""

    kept: Kept
    work: SentinelWork
    payers: Payers
    config: Callable[[], Config]


def open_sentinel(
    store: Store, book: Book, tools: Tools, config: Callable[[], Config], models_dir: Path,
    clock: Callable[[], int] = now_us,
) -> Sentinel:  # fmt: skip
    """The rooms over these databases."""

    def encoder() -> str | None:
        files = EncoderStore(models_dir).ready()
        return None if files is None else files.fingerprint

    kept, turn = Kept(store), Turn(store.control, "sentinel", seconds=_TURN, clock=clock)
    return Sentinel(kept, SentinelWork(store, kept, book, tools, turn, config, encoder, clock), tools.payers, config)


def sentinel_state(rooms: Sentinel, project: str) -> Json:
    """The sentinel as configured, what it spent today, and each deployment: where it stands, how far its baseline is,
    the evidence for a change (an alert comes at `false_alarms`) and what differs. Without one in this project, null for
    what there is not. Blocks."""
    config = rooms.config()
    sentinel = config.evals.sentinel
    if sentinel is None or sentinel.project != project:
        return {"enabled": False, "deployments": []}
    states = {state.deployment: state for state in rooms.kept.states(project)}
    ids = [target.id for target in targets(config, sentinel.models)]
    return {
        "enabled": sentinel.enabled,
        "models": sentinel.models,
        "prompts": len(sentinel.prompts) or None,
        "dataset": sentinel.dataset,
        "schedule": sentinel.schedule,
        "watch": sentinel.watch,
        "baseline": sentinel.baseline,
        "false_alarms": sentinel.false_alarms,
        "spent_nano": rooms.payers.spent([PURPOSE])[0],
        "budget_nano": int(sentinel.usd_per_day.scaleb(9)),
        "deployments": [
            _deployment(name, states.get(name), sentinel.baseline)
            | {"next_us": next_run_us(sentinel, states[name].run_us) if name in states else None}
            for name in ids
        ],
    }


def reading_json(reading: Reading) -> Json:
    """A run with its answers, without their vectors."""
    answers = {key: msgspec.to_builtins(one) for key, one in reading.run.answers.items()}
    for one in answers.values():
        one.pop("vector", None)
    return {
        "at_us": reading.run.at_us, "evidence": reading.evidence, "figures": shown_figures(reading.run),
        "answers": answers,
    }  # fmt: skip


def _deployment(name: str, state: State | None, baseline: int) -> Json:
    if state is None:
        return {"deployment": name, "status": "learning", "runs": 0, "to_learn": baseline, "change": None}
    course = state.course
    learnt = len(course.reference) + min(len(course.figures), baseline - references_of(baseline))
    change = None if course.change is None else msgspec.to_builtins(course.change)
    return {
        "deployment": name, "status": state.status, "runs": course.runs, "to_learn": max(0, baseline - learnt),
        "since_us": state.since_us, "run_us": state.run_us, "evidence": course.evidence, "error": course.error,
        "models": course.models, "alert_id": course.alert_id,
        "says": None if course.change is None else sentence(course.change), "change": change,
    }  # fmt: skip
