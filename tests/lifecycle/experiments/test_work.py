"""What follows from the calls of an experiment: decisions, rollouts, rollbacks, weights, and none twice."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import insert

from pilothouse.alerts.book import Book
from pilothouse.config import Config
from pilothouse.lifecycle.experiments import work as looking_at
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.lifecycle.experiments.telling import Teller
from pilothouse.lifecycle.experiments.work import ExperimentWork
from pilothouse.notify.outbox import Outbox
from pilothouse.observe.unit_calls import unit_calls
from pilothouse.prompts.experiments.shape import Experiment
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.tables import prompt_calls
from pilothouse.storage.turns import Turn

from .conftest import ANA, Begin, Clock, P, audited

pytestmark = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)

EVEN: dict[str, Any] = {"arms": [{"name": "control"}, {"name": "v3", "version": 3}]}
Call = Callable[..., None]


@pytest.fixture
def work(store: Store, experiments: Experiments, clock: Clock) -> ExperimentWork:
    return worker(store, experiments, clock)


def worker(
    store: Store, experiments: Experiments, clock: Clock, teller: Teller | None = None
) -> ExperimentWork:  # fmt: skip
    turn = Turn(store.control, "experiments", seconds=60)
    return ExperimentWork(experiments, store, turn, clock, teller)


@pytest.fixture
def call(store: Store, clock: Clock) -> Call:
    """Records a call of each of these units: `errors` tells whether it failed."""
    numbers = itertools.count()

    def called(experiment: Experiment, arm: str, errors: Sequence[int], cost: float = 0.01) -> None:
        rows = [
            {
                "project_id": P, "span_id": f"s{number}", "trace_id": f"t{number}", "at_us": clock(),
                "prompt": "answer",
                "version": 2, "label": "production", "experiment_id": experiment.id, "arm": arm, "unit": f"u{number}",
                "cost_nano": int(cost * 1e9), "latency_us": 1000, "input_tokens": 1, "output_tokens": 1, "cached": 0,
                "error": error, "refused": 0, "guarded": 0,
            }
            for error, number in zip(errors, numbers, strict=False)
        ]  # fmt: skip
        with store.observe.begin() as connection:
            connection.execute(insert(prompt_calls), rows)

    return called


def failing(count: int, of: int) -> list[int]:
    return [1] * count + [0] * (of - count)


async def test_a_winner_gets_the_label_and_the_log_says_why(
    store: Store, begin: Begin, call: Call, work: ExperimentWork, experiments: Experiments, prompts: Prompts
) -> None:
    one = begin(**EVEN, act={"win": "rollout"}, metrics=["cost"])
    call(one, "control", failing(60, 90))
    call(one, "v3", failing(10, 90))
    assert work.look(P, "one").status == "running"  # too few
    call(one, "control", failing(20, 30))
    call(one, "v3", failing(4, 30))
    await work.tick()
    ended = experiments.get(P, "one")
    assert ended.outcome is not None
    assert (ended.status, ended.outcome.kind, prompts.get(P, "answer").number) == ("decided", "won", 3)
    assert ended.outcome.note == "The label 'production' was moved to version 3."
    who = f"experiment:{one.id} (one)"
    log = [(actor, action) for actor, action, _ in audited(store)][-3:]
    assert log == [(who, "experiment.decide"), (who, "prompt.promote"), (who, "experiment.rollout")]
    decided = audited(store)[-3][2]
    assert decided["reason"].startswith("'v3' is better in errors. 0.1167 over 120 units beside 0.6667 over 120")
    assert decided["compared"][0]["units"] == [120, 120]
    assert [len(look.compared) for look in experiments.looks(P, "one")] == [2, 2]
    assert await work.tick() > 0
    assert len(experiments.looks(P, "one")) == 2


async def test_a_broken_guardrail_ends_it_at_once_and_the_label_stays(
    store: Store, begin: Begin, call: Call, work: ExperimentWork, experiments: Experiments, prompts: Prompts
) -> None:
    rails = [{"metric": "cost", "worse_by": "50%"}, {"metric": "errors"}]
    one = begin(**EVEN, primary="feedback", guardrails=rails)
    call(one, "control", failing(1, 60), 0.01)
    call(one, "v3", failing(40, 60), 0.012)
    await work.tick()
    ended = experiments.get(P, "one")
    assert ended.outcome is not None
    assert (ended.status, ended.outcome.kind, prompts.get(P, "answer").number) == ("stopped", "breach", 2)
    actor, action, after = audited(store)[-1]
    assert (actor, action, after["arm"]) == (f"experiment:{one.id} (one)", "experiment.breach", "control")
    assert after["reason"].startswith("Guardrail: errors of 'v3' is worse than the control's. 0.6667 over 60 units")


async def test_a_breach_that_is_to_be_told_is_told_once(
    store: Store, begin: Begin, call: Call, work: ExperimentWork, experiments: Experiments
) -> None:
    one = begin(**EVEN, primary="feedback", guardrails=[{"metric": "errors"}], act={"guardrail": "tell"})
    call(one, "control", failing(1, 60))
    call(one, "v3", failing(40, 60))
    work.look(P, "one")
    work.look(P, "one")
    assert experiments.get(P, "one").told == ["errors of 'v3'"]
    assert [after["guardrails"] for _, action, after in audited(store) if action == "experiment.breach"] == [
        ["errors of 'v3'"]
    ]  # fmt: skip


async def test_a_label_moved_by_hand_ends_it_with_a_note(
    begin: Begin, work: ExperimentWork, experiments: Experiments, prompts: Prompts
) -> None:
    begin()
    prompts.promote(P, "answer", 1, by=ANA)
    await work.tick()
    ended = experiments.get(P, "one")
    assert ended.outcome is not None
    assert (ended.status, ended.outcome.kind) == ("stopped", "moved")
    assert "was moved by somebody else" in ended.outcome.reason


async def test_what_was_decided_when_a_process_died_is_done_by_the_next(
    store: Store, begin: Begin, call: Call, experiments: Experiments, prompts: Prompts, clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    one = begin(**EVEN, act={"win": "rollout"})
    call(one, "control", failing(80, 120))
    call(one, "v3", failing(10, 120))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Experiments, "roll_out", die)
        with pytest.raises(KeyboardInterrupt):
            worker(store, experiments, clock).look(P, "one")
    assert (experiments.get(P, "one").status, prompts.get(P, "answer").number) == ("decided", 2)
    await worker(store, experiments, clock).tick()
    assert prompts.get(P, "answer").number == 3
    assert not experiments.due()


async def test_an_end_that_nobody_was_told_of_is_told_by_the_next(
    store: Store, begin: Begin, call: Call, experiments: Experiments, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Book(store.control, Outbox(store.control), lambda _: None, clock)
    teller = Teller(book, lambda: Config.model_validate({"alerts": {"channels": {}}}), clock)
    one = begin(**EVEN, act={"win": "rollout"})
    call(one, "control", failing(80, 120))
    call(one, "v3", failing(10, 120))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Teller, "ended", die)
        with pytest.raises(KeyboardInterrupt):
            worker(store, experiments, clock, teller).look(P, "one")
    assert book.list(P) == []
    await worker(store, experiments, clock, teller).tick()
    (alert,) = book.list(P)
    assert alert.text.startswith("won: 'v3' is better in errors.")
    assert alert.text.endswith("The label 'production' was moved to version 3.")
    assert not experiments.due()
    chosen = begin(name="two", target={"model": "fast"}, arms=[{"name": "control"}, {"name": "other", "model": "slow"}])
    experiments.choose(P, chosen.id, "other", by=ANA)
    await worker(store, experiments, clock, teller).tick()
    assert len(book.list(P)) == 1  # who chose it knows


async def test_one_process_looks_while_it_has_the_turn(
    store: Store, begin: Begin, experiments: Experiments, clock: Clock
) -> None:
    begin()
    for _ in range(2):
        await worker(store, experiments, clock).tick()
    assert len(experiments.looks(P, "one")) == 1


async def test_what_goes_wrong_with_one_keeps_no_other_from_its_guardrails(
    store: Store, begin: Begin, call: Call, work: ExperimentWork, experiments: Experiments, prompts: Prompts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wrong = begin(**EVEN)
    prompts.promote(P, "answer", 2, "other", by=ANA)
    target = {"prompt": "answer", "label": "other"}
    one = begin(**EVEN, name="two", target=target, layer="two", primary="cost", guardrails=[{"metric": "errors"}])
    call(one, "control", failing(0, 60))
    call(one, "v3", failing(40, 60))

    def broken(store: Store, project: str, experiment: str, *rest: Any) -> Any:
        if experiment == wrong.id:
            raise ValueError("what nobody thought of")
        return unit_calls(store, project, experiment, *rest)

    monkeypatch.setattr(looking_at, "unit_calls", broken)
    with pytest.raises(ValueError, match="nobody thought") as raised:
        await work.tick()
    assert raised.value.__notes__ == ["at the experiment 'one' of the project 'default'"]
    assert [experiments.get(P, name).status for name in ("one", "two")] == ["running", "stopped"]


async def test_new_units_go_where_it_looks_better(
    begin: Begin, call: Call, work: ExperimentWork, experiments: Experiments, clock: Clock
) -> None:
    one = begin(**EVEN, allocation="thompson", minimum_units=200)
    call(one, "control", failing(60, 100))
    call(one, "v3", failing(45, 100))
    work.look(P, "one")
    assert len(experiments.get(P, "one").epochs) == 1, "weights stay for a minute at least"
    clock.forward(days=1)
    weights = work.look(P, "one").weights
    assert weights["v3"] > 0.8
    clock.forward(days=1)
    assert work.look(P, "one").weights == weights, "an epoch without units tells nothing"
    look = experiments.last_look(P, "one")
    assert look is not None
    assert [arm.share for arm in look.arms] == [pytest.approx(weights[arm.name], abs=0.001) for arm in look.arms]
