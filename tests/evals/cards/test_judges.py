"""Cards and estimates from kept runs."""

from typing import Any

import msgspec
import pytest

from pilothouse.cases import Outcome, Verdict
from pilothouse.errors import InvalidRequest, NotFound, StorageError
from pilothouse.evals.cards.card import Card
from pilothouse.evals.cards.judges import JudgeRoom, card_of, subject_of
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.storage.evaluating.judge_cards import NewCard
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from .kept import PLAN, begin, labels, outcome, vote

P = "default"
LEVELS = [1 + i * 3 % 5 for i in range(60)]


def filled(room: JudgeRoom, **more: Any) -> Run:
    run = begin(room.runs, **more)
    room.runs.put(P, run.id, [outcome(i, level, ("win", "loss", "tie")[i % 3]) for i, level in enumerate(LEVELS)])
    return run


def people(off: int = 0) -> dict[int, int]:
    """Labels of 40 cases, every fourth of them `off` by so much."""
    return {i: min(5, max(1, LEVELS[i] + (off if i % 4 == 0 else 0))) for i in range(40)}


def test_a_card_of_each_criterion_is_kept_and_decides(store: Store) -> None:
    room = JudgeRoom(store)
    run = filled(room)
    made = {card.criterion: card for card in room.make(P, [run], "quality", {run.id: labels(people(1))})}
    assert list(made) == ["", "clarity"]
    card = msgspec.convert(made["clarity"].body, Card)
    assert card.kappa is not None
    assert (card.items, card.labelled, card.scale, card.cost_nano) == (60, 40, "levels", 2000)
    assert (made["clarity"].kappa, made["clarity"].low) == (card.kappa.value, card.kappa.low)
    assert card.sources == (f"nightly ({run.id})",)
    assert card.length is not None
    assert room.cards.list(P).cards == sorted(made.values(), key=lambda one: one.id)

    again = room.make(P, [run], "quality", {})
    assert [(one.criterion, one.labelled) for one in again] == [("", 0), ("clarity", 40)]

    say = room.objections(P, PLAN)
    assert say("exact") is say("no_such_name") is say("quality") is None
    why = say("pairwise")
    assert why is not None
    assert "has no card" in why
    strict = room.objections(P, {"suite": {**PLAN, "judge_agreement": 0.999}})("quality")
    assert strict is not None
    assert "0.999 is asked for" in strict
    other = room.objections(P, {**PLAN, "judge": "gpt-4o-mini"})("quality")
    assert other is not None
    assert "has no card" in other
    with pytest.raises(NotFound):
        room.cards.get("other", made[""].id)


def test_pairs_have_flips_lengths_and_makers(store: Store) -> None:
    room = JudgeRoom(store)
    run = filled(room, subject={"model": "gpt-4.1"})
    (kept,) = room.make(P, [run], "pairwise", {run.id: [HumanLabel(case=f"c{i:03}", label="win") for i in range(9)]})
    card = msgspec.convert(kept.body, Card)
    assert card.flips is not None
    assert card.own is not None
    assert card.length is not None
    assert card.length.judge is not None
    assert (card.flips.value, card.labelled, card.length.judge.n) == (pytest.approx(1 / 3), 9, 34)
    assert card.own.judge is not None
    assert card.own.judge.value == 0.5
    assert subject_of(begin(room.runs, subject={"corpus": "docs"})) == "rag:docs"
    assert subject_of(begin(room.runs, subject={})) == "nightly"


def test_an_estimate_combines_few_labels_with_all_verdicts(store: Store) -> None:
    room = JudgeRoom(store)
    run = filled(room)
    found = room.estimate(P, run, "quality", {run.id: labels(people(-1))}, "clarity")
    assert (found.labelled, found.judged) == (40, 20)
    assert found.together.low is not None
    assert found.bias > 0
    assert found.together.low < found.judge
    with pytest.raises(InvalidRequest, match="says nothing on 'tone'; it does on '', 'clarity'"):
        room.estimate(P, run, "quality", {run.id: labels(people())}, "tone")
    with pytest.raises(InvalidRequest, match="0 cases have a verdict and a label"):
        room.estimate(P, run, "quality", {run.id: labels(people())})


def test_what_cannot_be_said_is(store: Store) -> None:
    room = JudgeRoom(store)
    run, empty = filled(room), begin(room.runs)
    other = filled(room, name="other", plan={**PLAN, "judge": "gpt-4o-mini"})
    for runs, name, given, why in (
        ([run], "tone", {}, "has no evaluator 'tone'; it has: exact, quality, pairwise"),
        ([run, other], "quality", {}, "'quality' is 2 different judges"),
        ([empty], "quality", {}, "has no verdict"),
        ([run], "quality", {run.id: [HumanLabel(case="x", label=1, criterion="tone")]},
         "None of the 1 labels .* Labels are of 'tone', it judges '', 'clarity'"),
    ):  # fmt: skip
        with pytest.raises(InvalidRequest, match=why):
            room.make(P, runs, name, given)


def test_labels_of_a_queue(store: Store) -> None:
    room, reviews = JudgeRoom(store), Reviews(store)
    run = filled(room)
    settings = QueueSettings(criteria=(Criterion("clarity"),), rules=({"why": "thumbs_down"}, {"why": "random"}))
    queue = reviews.queues.create(P, "likert", "likert", settings)
    reviews.items.add(P, queue, [
        NewReviewItem(source=Source(run_id=run.id, case_id=f"c{i:03}", trial=0), input="q", outputs=("o",))
        for i in range(4)
    ] + [NewReviewItem(input="by hand", outputs=("o",))])  # fmt: skip
    with pytest.raises(NotFound, match="Nobody has labelled"):
        room.labels_of(P, "likert")
    vote(reviews, queue, "ann", 4)
    given, runs, biased = room.labels_of(P, "likert")
    assert [one.id for one in runs] == [run.id]
    assert given[run.id][0] == HumanLabel(case="c000", label=4, criterion="clarity", annotator="ann")
    assert len(given[run.id]) == 4
    assert biased is not None
    assert "thumbs_down" in biased
    with pytest.raises(NotFound, match="no label of these runs"):
        room.labels_of(P, "likert", [begin(room.runs)])


def test_scores_without_a_pass_estimate_but_do_not_agree(store: Store) -> None:
    room = JudgeRoom(store)
    run = begin(room.runs, plan={"suite": {}})
    room.runs.put(P, run.id, [
        Outcome(case=outcome(i, 3).case, verdicts=(Verdict.ok("embedding_similarity", (i % 10) / 10),))
        for i in range(50)
    ])  # fmt: skip
    words = [HumanLabel(case=f"c{i:03}", label="pass" if i % 10 > 4 else "fail") for i in range(30)]
    assert room.estimate(P, run, "embedding_similarity", {run.id: words}).together.value == pytest.approx(0.5)
    with pytest.raises(InvalidRequest, match="says a score, and neither pass nor fail"):
        room.make(P, [run], "embedding_similarity", {run.id: words})
    levels = [HumanLabel(case=f"c{i:03}", label=1 + i % 5) for i in range(30)]
    (kept,) = room.make(P, [run], "embedding_similarity", {run.id: levels})
    assert (kept.model, kept.body["scale"], kept.labelled) == ("", "levels", 30)


def test_a_card_that_cannot_be_read_is_named(store: Store) -> None:
    room = JudgeRoom(store)
    names = {"model": "m", "kind": "k", "options": "o", "criterion": ""}
    (kept,) = room.cards.put(P, [NewCard(**names, labelled=0, kappa=None, low=None, body={"items": "many"})])
    with pytest.raises(StorageError, match=f"'{kept.id}' cannot be read .* make it again, or delete it"):
        card_of(kept)


def test_a_failed_verdict_with_a_label_is_counted(store: Store) -> None:
    room = JudgeRoom(store)
    run = filled(room)
    spoiled = outcome(0, 3)
    failed = Verdict.failed("quality", "It answered prose.", cost_nano=None)
    room.runs.put(P, run.id, [Outcome(case=spoiled.case, verdicts=(spoiled.verdicts[0], failed))])
    card = msgspec.convert(room.make(P, [run], "quality", {run.id: labels(people())})[1].body, Card)
    assert (card.failed, card.labelled, card.unpriced) == (1, 39, 1)
