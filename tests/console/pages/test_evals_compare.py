"""Runs of evaluation side by side."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

from ..site import Gateway


def run_of(site: Gateway, name: str, failing: set[int], n: int = 30) -> Run:
    runs = EvalRuns(site.platform.store)
    run = runs.create("default", name=name, suite="support", subject={"model": name}, plan={}, plan_hash="h", cases=n)
    outcomes = []
    for i in range(n):
        passed = i not in failing
        case = Case(id=f"c{i:02}", input=f"Q{i}?", output=f"{name} {i}", latency_s=0.5, cost_nano=1000)
        told = Verdict.ok("exact", float(passed), passed=passed, explanation=f"{name} says so.")
        outcomes.append(Outcome(case=case, verdicts=(told, Verdict.ok("length", i / n))))
    runs.put("default", run.id, outcomes)
    return run


def test_flips_come_first_and_lead_to_both_answers(site: Gateway) -> None:
    one, other = run_of(site, "old", {1}), run_of(site, "new", set(range(2, 12)))
    page = site.page(f"/evals/compare?run={one.id}&run={other.id}")
    assert page.index("Flips, the worst first") < page.index("What changed")
    row = page.split("id=c02")[1].split("</tr>")[0]
    for part in ("exact", ">lost<", "Q2?"):
        assert part in row
    table = page.split("What changed")[1]
    for part in ("0.967", "0.667", "-0.300", ">worse<", "10 lost", "no difference seen"):
        assert part in table, part
    assert "No case flipped by this evaluator" in site.page(f"/evals/compare?run={one.id}&run={other.id}&metric=length")

    case = site.page(f"/evals/compare/case?run={one.id}&run={other.id}&id=c02")
    for part in ("old 2", "new 2", "old says so.", "new says so.", ">differs<", "Q2?"):
        assert part in case, part


def test_several_are_compared_with_the_first(site: Gateway) -> None:
    runs = [run_of(site, name, set()) for name in ("a", "b", "c")]
    page = site.page("/evals/compare?" + "&".join(f"run={run.id}" for run in runs))
    assert page.count("What changed") == 2
    assert "All are compared with this one" in page
    assert "No case flipped." in page


def test_what_there_is_to_choose(site: Gateway) -> None:
    assert "Choose two or more runs" in site.page("/evals/compare")
    run = run_of(site, "alone", set())
    assert "no other run of this suite" in site.page(f"/evals/compare?run={run.id}&run={run.id}")
    other = run_of(site, "another", set())
    assert f"?run={other.id}&amp;run={run.id}" in site.page(f"/evals/compare?run={run.id}")


def test_what_is_wrong_is_said(site: Gateway) -> None:
    run = run_of(site, "one", set(), 2)
    assert "At most 6 runs" in site.page("/evals/compare?" + "&".join(f"run=r{i}" for i in range(7)), 400)
    assert "no run" in site.page(f"/evals/compare?run={run.id}&run=none", 404)
    assert "has the case" in site.page(f"/evals/compare/case?run={run.id}&id=none", 404)
    assert "Name the runs" in site.page("/evals/compare/case?id=c00", 400)
    half = site.page(f"/evals/compare/case?run={run.id}&run={run_of(site, 'two', set(), 9).id}&id=c05")
    assert "This run has no such case." in half
