from collections.abc import Callable
from typing import Any

import pytest

from pilothouse.access.audit import Actor, Audit, AuditFilters
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.prompts.content import content_of
from pilothouse.prompts.experiments.shape import Design, Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store

P = "default"
ANA = Actor("key-ana (Ana)", "api")
MODELS = ("fast", "faster", "slow")


class Clock:
    """UTC microseconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        self.now += 1
        return self.now

    def forward(self, *, days: float) -> None:
        self.now += int(days * 86_400_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def prompts(store: Store, clock: Clock) -> Prompts:
    """With three versions of `answer`, the second one in production."""
    made = Prompts(store.control, clock=clock)
    for number in (1, 2, 3):
        made.create(P, "answer", content_of({"template": f"version {number}"}), by=ANA)
    made.promote(P, "answer", 2, by=ANA)
    return made


@pytest.fixture
def experiments(store: Store, prompts: Prompts, clock: Clock) -> Experiments:
    return Experiments(store.control, prompts, MODELS.__contains__, clock)


Begin = Callable[..., Experiment]


@pytest.fixture
def begin(experiments: Experiments) -> Begin:
    """Starts an experiment of this design."""

    def begun(**changes: Any) -> Experiment:
        made = experiments.create(P, design(**changes), by=ANA)
        return experiments.start(P, made.id, by=ANA)

    return begun


def design(**changes: Any) -> Design:
    return Design(**{
        "name": "one", "target": {"prompt": "answer"}, "primary": "errors", "minimum_units": 100,
        "arms": [{"name": "control", "weight": 3}, {"name": "v3", "version": 3}], **changes,
    })  # fmt: skip


def audited(store: Store) -> list[tuple[str, str, Any]]:
    """What the log says of experiments and labels, the oldest first: actor, action, what became of it."""
    entries = Audit(store.control).list(P, filters=AuditFilters(), limit=200)
    return [(entry.actor, entry.action, entry.after) for entry in reversed(entries)]
