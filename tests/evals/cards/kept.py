"""Runs with a judge and labels of people, for tests."""

from typing import Any

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.cards.labels import HumanLabel
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.review_labels import Value, mirrored
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.review_seats import Mark, Role
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

PLAN: Json = {
    "judge": "gpt-4o",
    "evaluators": [
        {"use": "exact"}, {"use": "llm_judge", "name": "quality", "criteria": {"clarity": "Clear."}},
        {"use": "pairwise", "against": "baseline"}, {"use": "no_such_plugin"},
    ],
}  # fmt: skip


def begin(runs: EvalRuns, name: str = "nightly", **more: Any) -> Run:
    given = {
        "suite": "support",
        "subject": {"model": "gpt-4.1"},
        "plan": PLAN,
        "plan_hash": "h",
        "status": "done",
        **more,
    }
    return runs.create("default", name=name, cases=60, **given)


def outcome(i: int, level: int, preferred: str = "win") -> Outcome:
    """Case `c<i>`, whose clarity has this level; it is compared with what the metadata has."""
    orders = {"win": ["first", "second"], "loss": ["second", "first"], "tie": ["first", "first"]}[preferred]
    score = (level - 1) / 4
    case = Case(
        id=f"c{i:03}", input={"question": f"q{i}"}, output="An answer." + "!" * (i % 7), expected="An answer.",
        metadata={"baseline": "Another one.", "baseline_model": "claude-3-haiku", "topic": "ab"[i % 2]},
        trace_id=f"t{i}", latency_s=0.5, cost_nano=1000,
    )  # fmt: skip
    return Outcome(case=case, verdicts=(
        Verdict.ok("exact", float(i % 7 == 0), passed=i % 7 == 0),
        Verdict.ok("quality", score, passed=score >= 0.75, detail={"scores": {"clarity": level}}, cost_nano=2000,
                   trace_id=f"j{i}", explanation=f"clarity {level}: fine."),
        Verdict.ok("pairwise", {"win": 1.0, "tie": 0.5, "loss": 0.0}[preferred], label=preferred,
                   passed=preferred != "loss", detail={"orders": orders, "flipped": preferred == "tie"}),
    ))  # fmt: skip


def labels(levels: dict[int, int]) -> list[HumanLabel]:
    return [HumanLabel(case=f"c{i:03}", label=level, criterion="clarity") for i, level in levels.items()]


def vote(reviews: Reviews, queue: Queue, annotator: str, value: Value, role: Role = "vote") -> None:
    """The same vote on every item that there is for this annotator: of pairs for the same output, wherever it is."""
    while (seat := reviews.seats.next("default", queue, annotator, role)) is not None:
        shown = mirrored(value) if seat.swapped else value
        marks = dict.fromkeys(queue.criteria, Mark(shown))
        reviews.seats.vote("default", queue, seat.item.id, annotator, marks, role=role)
