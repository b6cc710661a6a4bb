"""What rules mean: each kind over traces and over runs, of what came since a time."""

import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.review.finding import Finding, mean_logprob
from pilothouse.evals.review.rules import Rule
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.types import Json

from .conftest import AT, Write, asked

P = "default"


def test_traces_by_scores_guards_chance_and_log_probability(write: Write, store: Store) -> None:
    choice = {"message": {"content": "maybe"}, "logprobs": {"content": [{"logprob": -1.0}, {"logprob": -3.0}]}}
    write([asked(i) for i in range(8)])
    write([asked(8, output={"choices": [choice]})])
    about = {"kind": "guard", "output": {"text": "x"}}
    write([
        asked(1, id="g1", parent_id="s1", name="pii", **about, status="error"),
        asked(2, id="g2", parent_id="s2", name="pii", **about),
        asked(3, id="g3", parent_id="s3", name="topic", **about, attributes={"verdict": "block"}),
        asked(4, id="g4", parent_id="s4", name="topic", **about, attributes={"verdict": "pass"}),
        *(asked(at, id=f"g{at}", parent_id=f"s{at}", name="guard pii", **about,
                attributes={"verdict": verdict, "guard": "pii"})
          for at, verdict in enumerate(("flag", "shadow", "redact", "failed"), 5)),
    ])  # fmt: skip
    given = [
        ("t00", {"name": "feedback", "kind": "boolean", "value": 0.0}),
        ("t01", {"name": "feedback", "kind": "boolean", "value": 1.0}),
        ("t03", {"name": "feedback", "kind": "boolean", "value": 0.0, "at_us": AT + 50}),
        ("t02", {"name": "quality", "value": 0.55, "source": "evaluator", "metadata": {"passed": True, "spread": 0.6}}),
        ("t04", {"name": "quality", "value": 0.3, "source": "evaluator", "metadata": {"passed": False, "spread": 0.1}}),
        ("t05", {"name": "toxic", "value": 0.0, "kind": "boolean", "source": "evaluator", "span_id": "s5"}),
        ("t06", {"name": "quality", "value": 0.9, "source": "api"}), (None, {"name": "feedback", "value": 0.0}),
    ]  # fmt: skip
    scores: list[Json] = [
        {"id": str(i), "trace_id": trace, "session_id": None if trace else "s", "at_us": AT + 1000 + i, **told}
        for i, (trace, told) in enumerate(given)
    ]
    Scores(store).put(P, [Score(**told) for told in scores])
    finding = Finding(store)

    def found(since_us: int = AT, **rule: object) -> dict[str, str]:
        told = finding.find(P, Rule(**rule), since_us)  # type: ignore[arg-type]
        return {f"{source.trace_id}{source.span_id or ''}": why for source, why in told}

    assert found(why="thumbs_down") == {"t00": "feedback 0", "t03": "feedback 0"}
    assert found(AT + 100, why="thumbs_down") == {"t00": "feedback 0"}
    assert found(why="thumbs_down", feature="search") == {"t03": "feedback 0"}
    near = found(why="low_confidence", score="quality", threshold=0.5)
    assert near == {"t02": "quality 0.55, near 0.5"}
    assert found(why="low_confidence", spread=0.5) == {"t02": "the jury of quality is 0.6 apart"}
    assert found(why="low_confidence", logprob=-1.5) == {"t08": "mean log probability -2.00"}
    assert found(why="failed") == {"t04": "quality did not pass", "t05s5": "toxic did not pass"}
    assert found(why="failed", score="quality") == {"t04": "quality did not pass"}
    assert found(why="guard") == {
        "t01": "the guard 'pii' did not let it pass", "t03": "the guard 'topic' did not let it pass",
        "t05": "the guard 'pii' asked for a review",
    }  # fmt: skip
    half = found(why="random", share=0.5, seed=1)
    assert 0 < len(half) < 9
    assert found(why="random", share=1.0, feature="search").keys() == {"t03", "t07"}
    assert found(AT + 7_000_000, why="random", share=1.0).keys() == {"t07", "t08"}
    assert found(why="random", share=0.5, seed=1) == half


def test_outcomes_of_runs_that_ended_since(sqlite_store: Store) -> None:
    runs = EvalRuns(sqlite_store, lambda: AT)
    run = runs.create(P, name="main", suite="support", subject={}, plan={}, plan_hash="h")

    def outcome(case: str, *verdicts: Verdict, error: str | None = None) -> Outcome:
        return Outcome(case=Case(id=case, input="q", output="a"), verdicts=verdicts, error=error)

    runs.put(P, run.id, [
        outcome("near", Verdict.ok("quality", 0.52, passed=True, detail={"spread": 0.7})),
        outcome("far", Verdict.ok("quality", 0.95, passed=True)),
        outcome("no", Verdict.ok("quality", 0.1, passed=False), Verdict.ok("exact", passed=True)),
        outcome("unsure", Verdict.failed("quality", "It said nothing.")),
        outcome("broken", error="The task failed."),
    ])  # fmt: skip
    finding = Finding(sqlite_store)

    def found(since_us: int = AT, **rule: object) -> dict[str | None, str]:
        told = finding.find(P, Rule(of="runs", **rule), since_us)  # type: ignore[arg-type]
        return {source.case_id: why for source, why in told}

    assert found(why="failed") == {}, "it has not ended"
    runs.update(P, run.id, status="done", ended_us=AT)
    assert found(why="failed") == {"no": "quality did not pass", "unsure": "quality could not tell"}
    assert found(why="failed", score="exact") == {}
    assert found(why="failed", suite="other") == {}
    assert found(AT + 1, why="failed") == {}
    assert found(why="low_confidence", score="quality", threshold=0.5) == {"near": "quality 0.52, near 0.5"}
    assert found(why="low_confidence", spread=0.5) == {"near": "the jury of quality is 0.7 apart"}
    assert found(why="random", share=1.0).keys() == {"near", "far", "no", "unsure"}


@pytest.mark.parametrize(
    ("output", "mean"),
    [
        (None, None), ("text", None), ({"choices": []}, None), ({"choices": [{"logprobs": None}]}, None),
        ({"choices": [{"logprobs": {"token_logprobs": [None, -1, -2]}}]}, -1.5),
        ({"output": [{"content": [{"logprobs": [{"logprob": -4.0}]}]}, {"type": "reasoning"}]}, -4.0),
        ({"choices": [{"logprobs": {"content": ["odd", {"logprob": "x"}]}}]}, None),
    ],
)  # fmt: skip
def test_log_probabilities_are_read_where_an_answer_tells_them(output: object, mean: float | None) -> None:
    assert mean_logprob(output) == mean
