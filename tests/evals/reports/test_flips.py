"""Cases that changed, where to look first."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.reports.compare import compare
from pilothouse.evals.reports.flips import find_flips
from tests.evals.reports.conftest import Make


def test_what_was_lost_comes_first_and_the_largest_change_leads() -> None:
    def run(scores: list[float]) -> list[Outcome]:
        return [
            Outcome(
                case=Case(id=str(n), input={"q": n}, output=f"says {score}", trace_id=f"t{n}"),
                verdicts=(Verdict.ok("quality", score, passed=score >= 0.5, explanation=f"scored {score}"),),
            )
            for n, score in enumerate(scores)
        ]

    flips = find_flips(run([0.6, 0.9, 0.1, 0.4, 0.7]), run([0.4, 0.1, 0.9, 0.6, 0.8]), ["quality"], ())
    assert [(one.case_id, one.kind) for one in flips] == [("1", "lost"), ("0", "lost"), ("2", "won"), ("3", "won")]
    worst = flips[0]
    assert (worst.input, worst.before.output, worst.after.explanation) == ('{"q":1}', "says 0.9", "scored 0.1")
    assert (worst.before.passed, worst.after.passed, worst.after.trace_id) == (True, False, "t1")


def test_of_several_trials_most_decide_and_one_that_shows_it_is_told(make: Make) -> None:
    before, after = make("exact", [[False, True, True]]), make("exact", [[True, False, False]])
    (flip,) = find_flips(before, after, ["exact"], ())
    assert (flip.kind, flip.before.output, flip.after.output) == ("lost", "answer True", "answer False")
    assert not find_flips(before, make("exact", [[True, True, False]]), ["exact"], ())


def test_metrics_without_pass_tell_the_few_that_moved_most(make: Make) -> None:
    before, after = make("chrf", [0.5] * 20), make("chrf", [0.5 + (n - 10) / 100 for n in range(20)])
    flips = find_flips(before, after, ["chrf"], ())
    assert [one.kind for one in flips] == ["fell"] * 5 + ["rose"] * 5
    assert flips[0].case_id == "c0"
    turned = find_flips(before, after, ["chrf"], {"chrf"})
    assert (turned[0].case_id, turned[0].kind) == ("c19", "fell")


def test_long_texts_end_and_there_are_at_most_200(make: Make) -> None:
    before, after = make("exact", [True] * 300, output="x" * 5000), make("exact", [False] * 300)
    told = compare(before, after)
    assert (len(told.flips), told.flipped, len(told.flips[0].before.output)) == (200, 300, 2000)
