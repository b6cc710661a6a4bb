"""Who beat whom, from runs, queues and files."""

import pytest

from pilothouse.cases import Outcome, Verdict
from pilothouse.evals.cards.board import Duel
from pilothouse.evals.cards.duels import Duels, of_votes
from pilothouse.evals.cards.labels import Vote
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Criterion, QueueSettings
from pilothouse.storage.evaluating.reviews import Reviews

from .kept import begin, outcome, vote

P = "default"


def test_judges_and_people_rank_the_same_runs(store: Store) -> None:
    runs, reviews, duels = EvalRuns(store), Reviews(store), Duels(store)
    new, old = begin(runs, "new"), begin(runs, "old", subject={"model": "gpt-4o"})
    going = begin(runs, "going", status="running")
    runs.put(P, going.id, [outcome(1, 3, "win")])
    begin(runs, "elsewhere", suite="other", plan={"evaluators": ["exact"]})
    assert duels.board(P).standings == ()
    runs.put(P, new.id, [outcome(i, 3, "win" if i % 4 else "loss") for i in range(20)])
    failed = Verdict.failed("pairwise", "It answered prose.")
    runs.put(
        P, old.id, [outcome(i, 3, "tie") for i in range(5)] + [Outcome(case=outcome(9, 3).case, verdicts=(failed,))]
    )
    queue = reviews.queues.create(P, "pairs", "pairwise", QueueSettings(criteria=(Criterion("better"), Criterion("x"))))
    reviews.items.add(P, queue, [
        NewReviewItem(source=Source(run_id=old.id, other_run_id=new.id, case_id=f"c{i}", trial=0), input="q",
                      outputs=("a", "b"))
        for i in range(12)
    ] + [NewReviewItem(input="q", outputs=("a", "b"), systems=("by hand", "old"))])  # fmt: skip
    vote(reviews, queue, "ann", "b")

    board = duels.board(P)
    assert [(one.name, one.won, one.tied, one.lost) for one in board.standings] == [
        ("new", 27, 0, 5), ("baseline (support)", 5, 5, 15), ("old", 1, 5, 12), ("by hand", 0, 0, 1),
    ]  # fmt: skip
    assert (board.by_judges, board.by_people, len(board.groups)) == (25, 13, 1)
    assert {one.name for one in duels.board(P, by="judge").standings} == {"new", "old", "baseline (support)"}
    people = duels.board(P, by="people", suite="support", criterion="x")
    assert {one.name for one in people.standings} == {"new", "old", "by hand"}
    assert duels.board(P, by="people", suite="other").comparisons == 1
    assert duels.board(P, by="people", criterion="tone").standings == ()
    by_model = duels.board(P, players="model")
    assert {one.name for one in by_model.standings} == {"gpt-4.1", "gpt-4o", "baseline (support)", "by hand", "old"}
    assert duels.board("other").comparisons == 0
    newest = begin(runs, "newest", metadata={"baseline_name": "new"})
    runs.put(P, newest.id, [outcome(i, 3, "win") for i in range(5)])
    assert {one.name: one.games for one in duels.board(P, by="judge").standings}["new"] == 25


def test_votes_of_a_file_join_them(store: Store) -> None:
    votes = [Vote(one="a", other="b", winner="b"), Vote(one="a", other="b"), Vote(one="a", other="b", winner="b")]
    assert of_votes(votes) == [Duel(one="a", other="b", tied=1, lost=2, by="people", told=3)]
    board = Duels(store).board(P, votes=votes)
    assert [one.name for one in board.standings] == ["b", "a"]
    assert board.standings[0].elo == pytest.approx(2000 - board.standings[1].elo)


def test_trials_of_a_case_are_one_game(store: Store) -> None:
    runs, reviews, duels = EvalRuns(store), Reviews(store), Duels(store)
    once, often = begin(runs, "once"), begin(runs, "often")
    told = [outcome(i, 3, "loss" if i % 4 == 0 else "win") for i in range(8)]
    runs.put(P, once.id, told)
    runs.put(P, often.id, [Outcome(case=one.case, verdicts=one.verdicts, trial=t) for one in told for t in range(5)])
    board = duels.board(P, by="judge")
    first, second = [one for one in board.standings if one.name in ("once", "often")]
    assert (first.elo, first.low, first.high, first.games) == pytest.approx(
        (second.elo, second.low, second.high, second.games)
    )
    assert (board.comparisons, board.verdicts) == (16, 48)
    runs.put(P, often.id, [Outcome(case=told[0].case, verdicts=told[1].verdicts, trial=t) for t in range(5, 10)])
    mixed = next(one for one in duels.board(P, by="judge").standings if one.name == "often")
    assert (mixed.games, mixed.won, mixed.tied, mixed.lost) == (8, 6.5, 0, 1.5)
    queue = reviews.queues.create(P, "pairs", "pairwise", QueueSettings(criteria=(Criterion("better"),)))
    reviews.items.add(P, queue, [
        NewReviewItem(source=Source(run_id=once.id, other_run_id=often.id, case_id=f"c{i}", trial=t), input="q",
                      outputs=("a", f"b{t}"))
        for i in range(2) for t in range(3)
    ])  # fmt: skip
    vote(reviews, queue, "ann", "b")
    people = duels.board(P, by="people")
    assert (people.comparisons, people.by_people, people.verdicts) == (2, 2, 6)
