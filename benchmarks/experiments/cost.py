"""What a look at a large experiment costs: processor time of this process, time, memory that it adds at its peak."""

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from pilothouse.access.audit import Actor
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.lifecycle.experiments.work import ExperimentWork
from pilothouse.prompts.experiments.shape import Design, Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.tables import prompt_calls, scores
from pilothouse.storage.turns import Turn

__all__: list[str] = []

_BEGAN, _PART = 1_700_000_000_000_000, 10_000
_DESIGN: dict[str, Any] = {
    "name": "large", "target": {"model": "fast"}, "arms": [{"name": "control"}, {"name": "other", "model": "slow"}],
    "minimum_units": 10**6, "max_days": 3650,
}  # fmt: skip
_METRICS: dict[str, dict[str, Any]] = {
    "errors": {"primary": "errors"},
    "a score, cost, latency, errors": {
        "primary": "score:quality", "guardrails": [{"metric": "cost"}, {"metric": "errors"}], "metrics": ["latency"]
    },
}  # fmt: skip


def main() -> None:
    """Print a row for each look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--users", type=int, default=40_000)
    parser.add_argument("--new", type=int, default=200, help="Calls between two looks.")
    parser.add_argument("--postgres", metavar="URL", help="An empty database; else SQLite.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Settings(home=Path(folder), database_url=options.postgres))
        try:
            print("| metrics | look | CPU | time | memory |\n|---|---|---|---|---|")
            for metrics, design in _METRICS.items():
                _measure(store, metrics, design, options)
        finally:
            store.close()


def _measure(store: Store, metrics: str, design: dict[str, Any], options: argparse.Namespace) -> None:
    by = Actor("benchmark", "cli")
    experiments = Experiments(store.control, Prompts(store.control), lambda _: True)
    work = ExperimentWork(experiments, store, Turn(store.control, "experiments", seconds=60))
    name = f"{len(experiments.list('default'))}"
    draft = experiments.create("default", Design(**{**_DESIGN, **design, "name": name, "layer": name}), by=by)
    one = experiments.start("default", draft.id, by=by)
    random = np.random.default_rng(20261128)
    _write(store, one, options.calls, options.users, random, 0)
    for look, new in ("first", 0), ("again", 0), (f"after {options.new} new calls", options.new):
        _write(store, one, new, options.users, random, options.calls)
        cpu, began, held = time.process_time(), time.monotonic(), _reset_peak()
        work.look("default", name)
        told = time.process_time() - cpu, time.monotonic() - began, _peak() - held
        print(f"| {metrics} | {look} | {told[0]:.2f} s | {told[1]:.2f} s | {told[2]:.0f} MB |", flush=True)
    experiments.stop("default", name, by=by)


def _write(store: Store, one: Experiment, calls: int, users: int, random: np.random.Generator, first: int) -> None:
    """Calls of users chosen by chance, each with a score."""
    for at in range(first, first + calls, _PART):
        numbers = range(at, min(at + _PART, first + calls))
        drawn = random.integers(users, size=len(numbers)).tolist()
        costs, bad = random.lognormal(-6, 1, len(numbers)).tolist(), (random.random(len(numbers)) < 0.02).tolist()
        ids = [f"{one.id[-8:]}{number:024x}" for number in numbers]
        rows = [
            {
                "project_id": "default", "trace_id": i, "at_us": _BEGAN + 1000 * number,
                "experiment_id": one.id, "arm": ("control", "other")[user % 2], "unit": f"user-{user:08}",
                "cost_nano": int(cost * 1e9), "latency_us": int(cost * 1e9), "input_tokens": 1000, "output_tokens": 100,
                "cached": 0, "error": int(failed), "refused": 0, "guarded": 0, "span_id": i[:8] + i[-8:],
            }
            for i, number, user, cost, failed in zip(ids, numbers, drawn, costs, bad, strict=True)
        ]  # fmt: skip
        judged = [
            {
                "project_id": "default", "id": i, "trace_id": i, "name": "quality", "kind": "numeric", "value": cost,
                "source": "api", "metadata": "{}", "at_us": _BEGAN + 1000 * number, "updated_us": _BEGAN,
            }
            for i, number, cost in zip(ids, numbers, costs, strict=True)
        ]  # fmt: skip
        with store.observe.begin() as connection:
            connection.execute(insert(prompt_calls), rows)
            connection.execute(insert(scores), judged)


def _reset_peak() -> float:
    Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> float:
    told = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()
    return int(told[0]) / 1000 if told else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
