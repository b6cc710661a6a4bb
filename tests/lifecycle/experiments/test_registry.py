import threading
from typing import Any

import pytest
from sqlalchemy import select

from pilothouse.access.audit import Actor
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound, PromotionRefused
from pilothouse.lifecycle.experiments.looking import Look
from pilothouse.lifecycle.experiments.registry import Experiments, actor_of
from pilothouse.prompts.experiments.book import running
from pilothouse.prompts.experiments.shape import Experiment, Outcome
from pilothouse.prompts.registry import Prompts
from pilothouse.storage import Store
from pilothouse.storage.tables import changes

from .conftest import ANA, Begin, Clock, P, audited, design

WON = Outcome(kind="won", arm="v3", reason="It is better.", action="rollout", due=True)
BEN = Actor("key-ben (Ben)", "api")
OF_MODELS: dict[str, Any] = {
    "name": "two", "target": {"model": "fast"}, "arms": [{"name": "a"}, {"name": "b", "model": "faster"}]
}  # fmt: skip


def asked(store: Store) -> list[Experiment]:
    """What the gateway would ask about."""
    with store.control.connect() as connection:
        return running(connection, P)


def noticed(store: Store) -> int:
    """How often other processes were told of changes."""
    with store.control.connect() as connection:
        return int(connection.execute(select(changes.c.number).where(changes.c.topic == "prompts")).scalar_one())


def test_a_draft_is_started_and_then_asked_about(store: Store, experiments: Experiments, begin: Begin) -> None:
    made = experiments.create(P, design(), by=ANA)
    quiet = noticed(store)
    assert (made.status, made.author, asked(store)) == ("draft", ANA.name, [])
    started = experiments.start(P, "one", by=ANA)
    assert started == experiments.get(P, made.id)
    assert (started.status, started.versions, started.ranges) == (
        "running", {"control": 2, "v3": 3}, [(0, 10_000)]
    )  # fmt: skip
    assert started.epochs[0].weights == {"control": 3, "v3": 1}
    assert asked(store) == [started]
    assert noticed(store) == quiet + 1
    with pytest.raises(Conflict, match="is running: only a draft can be started"):
        experiments.start(P, "one", by=ANA)
    stopped = experiments.stop(P, "one", by=ANA, reason="enough")
    assert (stopped.status, asked(store), noticed(store)) == ("stopped", [], quiet + 2)
    assert stopped.outcome is not None
    assert stopped.outcome.reason == "Stopped by hand: enough"
    with pytest.raises(Conflict, match="has ended already"):
        experiments.stop(P, made.id, by=ANA)
    assert [action for _, action, _ in audited(store)][-3:] == [
        "experiment.create", "experiment.start", "experiment.stop"
    ]  # fmt: skip
    assert [one.name for one in experiments.list(P, status="stopped")] == ["one"]
    assert experiments.list(P, status="running") == experiments.list("other") == []


def test_of_many_that_start_on_one_target_one_runs_and_layers_are_shared_out(
    store: Store, experiments: Experiments
) -> None:
    for number in range(4):
        experiments.create(P, design(name=f"same{number}"), by=ANA)
        models = {"target": {"model": f"m{number}"}, "arms": [{"name": "a"}, {"name": "b", "model": "slow"}]}
        experiments.create(P, design(name=f"beside{number}", layer="models", share=0.3, **models), by=ANA)
    refused: list[str] = []

    def start(name: str) -> None:
        try:
            experiments.start(P, name, by=ANA)
        except Conflict as error:
            refused.append(error.message)

    experiments._knows = lambda _: True
    drafts = [one.name for one in experiments.list(P)]
    threads = [threading.Thread(target=start, args=[name]) for name in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    running = asked(store)
    assert sum(one.about == "prompt:answer#production" for one in running) == 1
    buckets = sorted(buckets for one in running if one.layer == "models" for buckets in one.ranges)
    assert buckets == [(0, 3000), (3000, 6000), (6000, 9000)]
    assert len(refused) == 4


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"name": "one"}, Conflict, "There is an experiment 'one' already"),
        ({"layer": "x"}, Conflict, "The experiment 'one' runs on prompt:answer#production: stop it first"),
        ({"target": {"prompt": "none"}}, NotFound, "none"),
        ({"target": {"prompt": "answer", "label": "staging"}}, NotFound, "staging"),
        ({"target": {"model": "fast"}, "arms": [{"name": "a"}, {"name": "b", "model": "?"}]}, NotFound, "no model"),
        ({**OF_MODELS, "share": 0.4, "holdout": 0.5}, Conflict, "partly in use by one"),
        ({**OF_MODELS, "share": 0.4, "unit": "key"}, Conflict, "is split by user, for 'one'. Take `unit: user`"),
        ({**OF_MODELS, "share": 0.6}, Conflict, "has 50.00% of its units left, beside one; this takes 60.00%"),
    ],
    ids=["name", "target", "prompt", "label", "model", "holdout", "unit", "share"],
)
@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_cannot_be_beside_another_is_refused(
    begin: Begin, change: dict[str, Any], error: type[Exception], says: str
) -> None:
    begin(share=0.5)
    with pytest.raises(error, match=says):
        begin(**{"name": "two", **change})


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_what_it_compares_must_be_there_and_be_allowed(
    experiments: Experiments, prompts: Prompts, begin: Begin
) -> None:
    with pytest.raises(Conflict, match="The control is version 1, but the label 'production' of 'answer' points to 2"):
        begin(arms=[{"name": "a", "version": 1}, {"name": "b", "version": 3}])
    with pytest.raises(NotFound):
        begin(name="gone", arms=[{"name": "a"}, {"name": "b", "version": 9}])

    class Guard:
        def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
            return [f"{version} was not evaluated."] if (label, current) == ("production", 2) else []

        def approvals(self, project: str, name: str, label: str) -> int:
            return 0

    prompts.guard = Guard()
    experiments.create(P, design(name="guarded"), by=ANA)
    with pytest.raises(PromotionRefused, match="3 was not evaluated"):
        experiments.start(P, "guarded", by=ANA)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        experiments.start(P, "guarded", by=ANA, force=True)
    started = experiments.start(P, "guarded", by=ANA, force=True, reason="a trial")
    ended = experiments.conclude(started, WON)
    assert ended is not None
    left = experiments.roll_out(ended)
    assert left.outcome is not None
    assert "stays as it is" in left.outcome.note
    assert "3 was not evaluated" in left.outcome.note
    assert (left.outcome.action, left.outcome.due, prompts.get(P, "answer").number) == ("", False, 2)


def test_a_winner_is_rolled_out_once_whoever_decides_and_however_often(
    store: Store, experiments: Experiments, prompts: Prompts, begin: Begin
) -> None:
    started, ended = begin(), []
    threads = [threading.Thread(target=lambda: ended.append(experiments.conclude(started, WON))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (one,) = [found for found in ended if found is not None]
    assert (one.status, asked(store), [due.id for due in experiments.due()]) == ("decided", [], [one.id])
    prompts.promote(P, "answer", 3, by=actor_of(one), expected=2)  # as if it had died after that
    rolled = experiments.roll_out(one)
    assert rolled.outcome is not None
    assert rolled.outcome.note == "The label 'production' points to version 3."
    assert experiments.roll_out(one) == rolled == experiments.roll_out(rolled)
    assert [due.id for due in experiments.due()] == [one.id]  # its end is still to be told
    assert experiments.told(experiments.told(rolled)).outcome == rolled.outcome.model_copy(update={"untold": False})
    assert not experiments.due()
    kept = [(actor, action) for actor, action, _ in audited(store) if "rollout" in action or "decide" in action]
    assert kept == [(actor_of(one).name, "experiment.decide"), (actor_of(one).name, "experiment.rollout")]


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_of_two_processes_that_roll_out_the_slower_one_sees_that_it_is_done(
    experiments: Experiments, prompts: Prompts, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = experiments.conclude(begin(), WON)
    assert one is not None
    promote = prompts.promote

    def late(*given: Any, **named: Any) -> Any:
        promote(*given, **named)  # the other process, between this one's look at the label and its move
        return promote(*given, **named)

    monkeypatch.setattr(prompts, "promote", late)
    rolled = experiments.roll_out(one).outcome
    assert rolled is not None
    assert (rolled.action, rolled.note) == ("rollout", "The label 'production' points to version 3.")


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_where_moves_need_a_second_person_another_one_starts_it(
    store: Store, experiments: Experiments, prompts: Prompts, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Guard:
        def check(self, project: str, name: str, version: int, label: str, current: int | None) -> list[str]:
            return []

        def approvals(self, project: str, name: str, label: str) -> int:
            return 1

    prompts.guard = Guard()
    with pytest.raises(Forbidden, match="another one than who wrote the experiment 'one' must start it"):
        begin()
    started = experiments.start(P, "one", by=BEN)
    ended = experiments.conclude(started, WON)
    assert ended is not None
    waiting = experiments.roll_out(ended)
    assert waiting.outcome is not None
    assert waiting.outcome.note.startswith("Another person must agree that 'production' moves to 3: request ")
    assert prompts.get(P, "answer").number == 2
    (asked,) = prompts.pending(P)
    with pytest.raises(Forbidden, match="You asked for this promotion yourself"):
        prompts.approve(P, asked.id, by=BEN)  # who started it
    noted = [(actor, after["asked_by"]) for actor, action, after in audited(store) if action == "prompt.request"]
    assert noted == [(actor_of(ended).name, BEN.name)]
    prompts.reject(P, asked.id, by=ANA)
    experiments.create(P, design(name="chosen"), by=BEN)
    experiments.start(P, "chosen", by=ANA)
    with monkeypatch.context() as patched:
        patched.setattr(Experiments, "roll_out", lambda self, one: one)  # the process dies before it rolls out
        experiments.choose(P, "chosen", "v3", by=BEN)
    experiments.roll_out(next(one for one in experiments.due() if one.name == "chosen"))
    assert [one.actor for one in prompts.pending(P)] == [BEN.name]
    with pytest.raises(Forbidden, match="You asked for this promotion yourself"):
        prompts.approve(P, prompts.pending(P)[0].id, by=BEN)
    assert prompts.approve(P, prompts.pending(P)[0].id, by=ANA).version == 3
    begin(**OF_MODELS)


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_model_that_won_gets_all_calls_until_somebody_stops_it(
    store: Store, experiments: Experiments, begin: Begin
) -> None:
    begin(**OF_MODELS)
    with pytest.raises(NotFound, match="has no arm 'c'"):
        experiments.choose(P, "two", "c", by=ANA)
    chosen = experiments.choose(P, "two", "b", by=ANA, reason="it is cheap")
    assert chosen.outcome is not None
    assert (chosen.status, chosen.outcome.kind, chosen.outcome.action) == ("decided", "chosen", "rollout")
    assert asked(store) == [chosen]
    with pytest.raises(Conflict, match="sends all calls to its winner on model:fast"):
        begin(**{**OF_MODELS, "name": "three"})
    stopped = experiments.stop(P, "two", by=ANA)
    assert (stopped.status, stopped.outcome, asked(store)) == ("stopped", chosen.outcome, [])


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_label_that_is_moved_by_hand_ends_the_split_at_once(
    store: Store, experiments: Experiments, prompts: Prompts, begin: Begin
) -> None:
    started = begin()
    prompts.promote(P, "answer", 1, by=ANA)
    assert experiments.moved(started)
    assert asked(store) == []


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_looks_are_kept_and_thinned_out(experiments: Experiments, begin: Begin, clock: Clock) -> None:
    started = begin()
    for _ in range(400):
        clock.forward(days=0.01)
        assert experiments.keep(started, Look(at_us=clock(), arms=[], mismatch=1.0, compared=[]), {}) is not None
    kept = experiments.looks(P, "one")
    assert 150 < len(kept) < 400
    assert kept[-1].at_us == clock.now == experiments.last_look(P, "one").at_us  # type: ignore[union-attr]
    assert len(experiments.looks(P, "one", after_us=kept[-3].at_us)) == 2
    experiments.stop(P, "one", by=ANA)
    assert experiments.keep(started, Look(at_us=clock(), arms=[], mismatch=1.0, compared=[]), {}) is None
    with pytest.raises(NotFound, match="no experiment 'two\\?'"):
        experiments.looks(P, "two?\0")
