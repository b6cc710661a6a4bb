"""The pages of runs of evaluation."""

import re
from urllib.parse import quote

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Step, Verdict
from pilothouse.evals.reports.runs import RunReports
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

from ..site import HOSTILE, Gateway

SAFE = "&lt;script&gt;document.title"
PLAN = {"suite": {"slices": ["metadata.topic"], "gates": ["exact < 0.9", "errors > 5"]}}


def run_of(site: Gateway, name: str = "nightly", n: int = 60, told: bool = True) -> Run:
    runs = EvalRuns(site.platform.store)
    run = runs.create(
        "default", name=name, suite="support", subject={"model": "fast"}, plan=PLAN, plan_hash="h", cases=n,
        metadata={"branch": "main", "note": "<b>bold</b>"},
    )  # fmt: skip
    made = []
    for i in range(n):
        case = Case(
            id=f"c{i:02}", input={"question": f"Q{i}?"}, output=f"A{i}.", expected=["x"], context=("Passage.",),
            metadata={"topic": "ab"[i % 2]}, latency_s=0.5, cost_nano=1000, trace_id="t07",
            steps=(Step("look", {"at": 1}, "found"),),
        )  # fmt: skip
        failed = Verdict.failed("judge", "It answered prose.", cost_nano=None, trace_id="j1", detail={"judge": "m"})
        told_of = Verdict.ok("judge", 0.5, passed=False, explanation="Not so good.") if i % 9 else failed
        if i == 5:
            made.append(Outcome(case=case, error="The provider was down."))
        else:
            made.append(Outcome(case=case, verdicts=(Verdict.ok("exact", float(i % 3 > 0), passed=i % 3 > 0), told_of)))
    runs.put("default", run.id, made, cost_nano=5_000_000)
    run = runs.get("default", run.id)
    if told:
        report = RunReports(runs).told("default", run)
        gates = msgspec.to_builtins(report.gates)
        run = runs.update("default", run.id, status="done", summary={**report.summary.to_json(), "gates": gates})
    return run


def test_without_runs_the_page_says_how_to_begin(site: Gateway) -> None:
    page = site.page("/evals")
    assert "No runs yet" in page
    assert "pilothouse evals run suite.yaml" in page
    assert 'href="/console/evals/leaderboard"' in page
    assert "No run fits" in site.page("/evals?suite=x")


def test_runs_are_listed_with_what_they_showed(site: Gateway) -> None:
    run = run_of(site)
    run_of(site, "going", 10, told=False)
    page = site.page("/evals")
    row = page.split(f'/console/evals/runs/{run.id}"')[1].split("</tr>")[0]
    for part in (">done</span>", "60 of 60", "exact", "0.661", "1 of 2 failed", "1 tasks failed", "model fast", "main"):
        assert part in row, part
    assert "Not told yet" in page
    assert site.page("/evals?name=nightly").count("<tr>") == 2
    older = site.page(f"/evals?before={EvalRuns(site.platform.store).list('default').runs[0].id}")
    assert "nightly" in older
    assert "going" not in older


def test_a_run_shows_figures_gates_slices_and_cases(site: Gateway) -> None:
    run = run_of(site)
    page = site.page(f"/evals/runs/{run.id}")
    for part in (
        "exact &lt; 0.9", "errors &gt; 5", "1 of 60 tasks failed", "The provider was down.", "It answered prose.",
        "metadata.topic", "&lt;b&gt;bold", "Slices, the worst first", 'class="ci"',
    ):  # fmt: skip
        assert part in page, part
    assert page.count('<tr>\n      <td class="name">') >= 50
    more = re.search(r'href="([^"]*after=[^"]*)#cases" rel="next"', page)
    assert more is not None
    rest = site.page(more[1].replace("/console", "").replace("&amp;", "&"))
    assert ">c59<" in rest
    assert ">c01<" not in rest


@pytest.mark.parametrize(
    ("query", "there", "gone"),
    [
        ("failing=1&evaluator=exact", "c03", "c04"),
        ("evaluator=judge", "c04", "c05"),
        ("slice=metadata.topic&value=b", "c07", "c08"),
        ("failing=1", "c05", None),
    ],
)
def test_cases_are_filtered(site: Gateway, query: str, there: str, gone: str | None) -> None:
    cases = site.page(f"/evals/runs/{run_of(site).id}?{query}").split('id="cases"')[1]
    assert f">{there}<" in cases
    assert gone is None or f">{gone}<" not in cases


def test_nothing_that_fits_is_said(site: Gateway) -> None:
    run = run_of(site, n=3)
    assert "No case fits" in site.page(f"/evals/runs/{run.id}?slice=topic&value=z")
    assert site.page(f"/evals/runs/{run.id}?after=nonsense", 400)
    assert "no run" in site.page("/evals/runs/none", 404)
    stopped = EvalRuns(site.platform.store).create(
        "default", name="s", suite="s", subject={}, plan={}, plan_hash="h", status="stopped"
    )
    assert f"pilothouse evals resume {stopped.id}" in site.page(f"/evals/runs/{stopped.id}")


def test_a_case_shows_all_that_was_said(site: Gateway) -> None:
    run = run_of(site)
    page = site.page(f"/evals/runs/{run.id}/case?id=c09")
    for part in ("Q9?", "A9.", "Passage.", "look", "found", "It answered prose.", "could not tell", "/traces/t07",
                 "/traces/j1", "trace of the judge"):  # fmt: skip
        assert part in page, part
    lost = site.page(f"/evals/runs/{run.id}/case?id=c05")
    assert "The provider was down." in lost
    assert "there is nothing to judge" in lost
    assert "has no outcome" in site.page(f"/evals/runs/{run.id}/case?id=none", 404)
    assert site.page(f"/evals/runs/{run.id}/case?id=c01&trial=99999999999", 404)


def test_hostile_texts_stay_texts(site: Gateway) -> None:
    runs = EvalRuns(site.platform.store)
    text = HOSTILE.replace("\0", "")
    plain = text.replace("\u202e", "")
    run = runs.create(
        "default", name=plain, suite=plain, subject={"model": text}, plan={"suite": {text: text}}, plan_hash="h",
        metadata={text: text},
    )  # fmt: skip
    verdict = Verdict.ok(plain, 0.5, passed=False, label=text, explanation=text, detail={text: text})
    case = Case(
        id=plain, input={text: text, "x": 1}, output=text, expected=text, context=(text,), metadata={text: text},
        steps=(Step(text, {text: text}, text),), trace_id=text,
    )  # fmt: skip
    runs.put("default", run.id, [Outcome(case=case, verdicts=(verdict,))])
    runs.update("default", run.id, status="failed", error=text)
    report = RunReports(runs).told("default", runs.get("default", run.id), slices=["metadata"])
    gates = [{"text": text, "passed": False, "sentence": text}]
    runs.update("default", run.id, summary={**report.summary.to_json(), "gates": gates})
    where, other = f"/evals/runs/{run.id}", run_of(site, n=2)
    for path in ("/evals", where, f"{where}/case?id={quote(plain)}", f"/evals/compare?run={other.id}&run={run.id}",
                 f"/evals/compare/case?run={run.id}&id={quote(plain)}"):  # fmt: skip
        page = site.page(path)
        assert SAFE in page, path
        assert "<script>document" not in page, path
        assert "<img src=x" not in page, path
        assert "\u202e" not in page, path
