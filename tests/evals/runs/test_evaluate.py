"""A whole run: figures and gates, what halts it, how it goes on, what a second one costs."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from pilothouse.cases import Outcome
from pilothouse.errors import BudgetExceeded, ConfigError, Conflict, ProviderError
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.runs.evaluate import run_suite, work
from pilothouse.evals.runs.prepare import Given, created, prepare
from pilothouse.evals.runs.runner import Runner
from pilothouse.evals.runs.suite import suite_of
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.storage.locks import try_hold

from ..judges.conftest import Scripted
from .conftest import Bench, P, case, echo, suited

GOOD: Any = {"use": "llm_judge", "name": "quality", "criteria": {"good": "It is good."}}
JUDGED = {"good": 5, "explanation": "So it is."}


def outcomes(bench: Bench, run_id: str) -> list[Outcome]:
    return [*bench.rooms.runs.each(P, run_id)]


def test_a_run_is_summed_up_held_to_its_gates_and_the_next_costs_nothing(bench: Bench) -> None:
    heard = list[tuple[int, int, int]]()
    first = bench.run(3, trials=2, gates=["exact < 1", "cost > 1"], how={"heard": lambda *told: heard.append(told)})
    assert (first.run.status, first.run.done, first.run.cost_nano, first.passed) == ("done", 6, 42, True)
    assert first.run.summary is not None
    assert [gate["passed"] for gate in first.run.summary["gates"]] == [True, True]
    assert first.told.summary.metrics["exact"].mean == 1
    assert (heard[0], heard[-1]) == ((0, 6, 0), (6, 6, 42))
    second = bench.run(4, trials=2, gates=["exact < 1", "exact drop > 0"], baseline="s")
    assert (second.run.cost_nano, second.told.summary.cached, len(bench.chat.asked)) == (14, 6, 8)
    assert second.run.baseline_id == first.run.id
    assert second.told.comparison is not None
    kept, before = outcomes(bench, second.run.id)[0], outcomes(bench, first.run.id)[0]
    assert (kept.cached, kept.case.cost_nano, kept.case.trace_id) == (True, 7, before.case.trace_id)
    assert kept.case.latency_s == pytest.approx(before.case.latency_s, abs=0.2)
    fresh = bench.run(4, trials=2, how={"fresh": True})
    assert (fresh.run.cost_nano, fresh.told.summary.cached) == (56, 0)


def test_a_gate_over_a_baseline_that_is_not_there_is_refused_before_anything_is_asked(bench: Bench) -> None:
    for gate in ("exact drop > 0.1", "exact.lost > 0", "cost rise > 10%"):
        with pytest.raises(ConfigError, match=r"gates.0: .* There is no run 'nosuch' that is done. Nothing was asked"):
            bench.run(2, gates=[gate], baseline="nosuch")
    with pytest.raises(ConfigError, match="on the branch 'main' is done"):
        bench.run(2, gates=["exact drop > 0"], baseline="branch:main", how={"metadata": {"branch": "mine"}})
    assert (bench.chat.asked, bench.rooms.runs.list(P).runs) == ([], [])
    told = bench.run(2, gates=["exact < 1"], baseline="nosuch").told
    assert (told.notes, told.failed) == (("There is no run 'nosuch' that is done.",), [])
    begins = bench.run(2, gates=["exact drop > 0"], baseline="branch:main", how={"metadata": {"branch": "main"}})
    assert (begins.run.status, begins.passed) == ("done", False)
    assert bench.run(2, gates=["exact drop > 0"], baseline="branch:main").passed


def test_what_a_judge_answers_is_kept_and_counted_as_anything_else(bench: Bench) -> None:
    bench.chat.answers = [lambda request: JUDGED if request.model == "judge" else echo(request)]
    first = bench.run(3, evaluators=["exact", GOOD], judge="judge")
    assert (first.run.cost_nano, first.told.summary.judge_nano, first.told.summary.task_nano) == (42, 21, 21)
    verdict = outcomes(bench, first.run.id)[0].verdicts[1]
    assert (verdict.evaluator, verdict.score, verdict.cost_nano) == ("quality", 1.0, 7)
    again = bench.run(3, evaluators=["exact", GOOD], judge="judge")
    assert (again.run.cost_nano, again.told.summary.judge_nano) == (0, 21)
    changed = bench.run(3, evaluators=[{**GOOD, "criteria": {"good": "It is very good."}}], judge="judge")
    assert (changed.run.cost_nano, changed.told.summary.cached) == (21, 3)


def test_a_task_that_fails_is_an_outcome_and_the_run_goes_on(bench: Bench) -> None:
    bench.chat.answers = [ProviderError("It broke."), echo]
    ended = bench.run(3, gates=["errors > 0"], concurrency=1)
    assert (ended.run.status, ended.told.summary.errors, ended.passed) == ("done", 1, False)
    failed = bench.rooms.runs.outcomes(P, ended.run.id, failing=True).outcomes
    assert [(one.case.id, one.error, one.verdicts) for one in failed] == [("c000", "It broke.", ())]


@dataclass(frozen=True)
class Breaks(Evaluator):
    name: str = "breaks"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        raise RuntimeError("a bug")


@dataclass(frozen=True)
class Low(Evaluator):
    name: str = "low"
    lower_is_better: ClassVar[bool] = True

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return Verdict.ok("whatever it calls itself", 0.25)


def test_an_evaluator_that_raises_could_not_tell_and_objects_of_python_will_do(bench: Bench) -> None:
    given = Given(cases=[case(1)], evaluators=[Breaks(), Low()], function=lambda one: "made")
    ended = bench.run(given=given, task={"python": "here:f"}, evaluators=["unused"])
    (found,) = outcomes(bench, ended.run.id)
    assert found.case.output == "made"
    assert [(one.evaluator, one.status) for one in found.verdicts] == [("breaks", "failed"), ("low", "ok")]
    assert found.verdicts[0].explanation == "It raised RuntimeError: a bug"
    assert ended.told.summary.metrics["low"].lower_is_better
    assert (ended.run.cost_nano, found.case.cost_nano, found.case.latency_s is not None) == (0, None, True)


@dataclass(frozen=True)
class Careless(Evaluator):
    name: str = "careless"

    async def evaluate(self, case: Case, models: Models) -> Any:
        return {"score": 1.0}


def test_what_is_no_verdict_could_not_tell(bench: Bench) -> None:
    given = Given(cases=[case(1)], evaluators=[Careless()], function=lambda one: "made")
    ended = bench.run(given=given, task={"python": "here:f"}, evaluators=["unused"])
    (verdict,) = outcomes(bench, ended.run.id)[0].verdicts
    assert (verdict.status, verdict.explanation) == ("failed", "It raised TypeError: a dict is no Verdict")


@dataclass(frozen=True)
class Strange(Evaluator):
    name: str = "strange"

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        return Verdict.ok(self.name, 1.0, detail={"what": object()})


def test_what_cannot_be_kept_spoils_its_own_case_alone(bench: Bench) -> None:
    given = Given(
        cases=[case(1), case(2)], evaluators=[Strange()], function=lambda one: "\ud800" if one.id == "c001" else "x"
    )
    ended = bench.run(given=given, task={"python": "here:f"})
    first, second = outcomes(bench, ended.run.id)
    assert "What the task made is no JSON" in str(first.error)
    assert (second.verdicts[0].status, "is no JSON" in second.verdicts[0].explanation) == ("failed", True)


def test_money_that_is_spent_stops_a_run_which_goes_on_with_more(bench: Bench) -> None:
    ended = bench.run(5, concurrency=1, max_cost_usd="0.000000020")
    assert (ended.run.status, ended.run.done, ended.run.cost_nano) == ("stopped", 2, 14)
    assert "over its cap" in str(ended.run.error)
    richer = suite_of(suited(concurrency=1))

    async def goes_on() -> Any:
        prepared = await prepare(bench.rooms, P, richer, Given(cases=[case(i) for i in range(5)]))
        return await work(bench.rooms, P, ended.run, prepared)

    over = asyncio.run(goes_on())
    assert (over.run.status, over.run.done, over.run.cost_nano, over.run.error) == ("done", 5, 35, None)
    assert len(bench.chat.asked) == 5


def test_what_would_fail_every_case_fails_the_run_and_says_why(bench: Bench) -> None:
    bench.chat.answers = [echo, BudgetExceeded("The team's budget is spent.")]
    stopped = bench.run(5, concurrency=1)
    assert (stopped.run.status, stopped.run.error, stopped.run.done) == ("stopped", "The team's budget is spent.", 1)
    assert (stopped.passed, stopped.told.complete) == (False, False)


async def halted(bench: Bench, chat: Scripted, by: Any, grace: float = 30.0) -> Any:
    """A run that something halts while its first question is under way."""
    bench.chat = chat
    prepared = await prepare(bench.rooms, P, suite_of(suited(concurrency=1)), Given(cases=[case(i) for i in range(3)]))
    run = created(bench.rooms.runs, P, prepared, None, {})
    runners = list[Runner]()

    def started(runner: Runner) -> None:
        runner._grace = grace
        runners.append(runner)

    chat.answers.insert(0, lambda request: by(runners[0], run.id) or echo(request))
    return await work(bench.rooms, P, run, prepared, started=started)


async def test_halted_it_lets_the_question_under_way_end_and_keeps_the_answer(bench: Bench) -> None:
    ended = await halted(bench, Scripted(echo), lambda runner, _: runner.halt("stopped", "It was interrupted."))
    assert (ended.run.status, ended.run.error, ended.run.done) == ("stopped", "It was interrupted.", 1)


async def test_cancelled_by_another_it_ends(bench: Bench) -> None:
    ended = await halted(bench, Scripted(echo), lambda _, run_id: bench.rooms.runs.cancel(P, run_id) and None)
    assert ended.run.status == "cancelled"


async def test_one_process_at_a_time_works_on_a_run(bench: Bench) -> None:
    prepared = await prepare(bench.rooms, P, suite_of(suited()), Given(cases=[case(1)]))
    run = created(bench.rooms.runs, P, prepared, None, {})
    folder = bench.home / "evals" / "locks"
    folder.mkdir(parents=True)
    held = try_hold(folder / f"{run.id}.lock")
    assert held is not None
    with pytest.raises(Conflict, match="Another process works on the run 's'"):
        await work(bench.rooms, P, run, prepared)


async def test_an_unknown_price_is_said(bench: Bench) -> None:
    bench.chat.nano = None
    ended = await run_suite(bench.rooms, P, suite_of(suited()), Given(cases=[case(1), case(2)]))
    assert ended.run.cost_nano is None
    assert any("2 calls have no known price" in note for note in ended.told.notes)


def test_a_gate_over_a_judge_that_may_not_decide_fails(bench: Bench) -> None:
    bench.chat.answers = [JUDGED]

    def objections(project: str, plan: Any) -> Any:
        return lambda name: f"'{name}' has no card." if name == "quality" else None

    rooms = replace(bench.rooms, objections=objections)
    written = suite_of(suited(evaluators=[GOOD], judge="judge", gates=["quality < 0.5"]))
    ended = asyncio.run(run_suite(rooms, P, written, Given(cases=[case(1)])))
    assert (ended.passed, ended.told.gates[0].sentence) == (False, "'quality' has no card.")


def test_evaluators_of_python_are_asked_with_the_runs_judge(bench: Bench) -> None:
    bench.chat.answers = [lambda request: JUDGED if request.model == "judge" else echo(request)]
    judge = LlmJudge(name="mine", criteria={"good": "It is good."})
    ended = bench.run(given=Given(cases=[case(1)], evaluators=[judge]), judge="judge")
    assert ended.told.summary.metrics["mine"].mean == 1
