"""What a run is going to ask and pay: by earlier runs, else by prompts; less what is kept. Nobody is asked."""

import asyncio
from typing import Any

from pilothouse.evals.runs.estimate import Estimate, estimate
from pilothouse.evals.runs.prepare import Given, prepare
from pilothouse.evals.runs.suite import suite_of

from .conftest import Bench, P, case, echo, suited
from .test_evaluate import GOOD, JUDGED


def estimated(bench: Bench, count: int, given: Given | None = None, fresh: bool = False, **suite: Any) -> Estimate:
    async def work() -> Estimate:
        cases = given or Given(cases=[case(i) for i in range(count)])
        prepared = await prepare(bench.rooms, P, suite_of(suited(**suite)), cases, fresh=fresh)
        return await estimate(bench.rooms, P, prepared)

    return asyncio.run(work())


def test_prompts_are_counted_and_what_is_kept_is_left_out(bench: Bench) -> None:
    told = estimated(bench, 3, trials=2, answer_tokens=5, evaluators=["exact", GOOD], judge="judge")
    task, judge = told.parts
    assert (told.outcomes, task.calls, task.kept, task.nano) == (6, 6, 0, 6 * (10 * 1 + 100 * 5))
    assert (judge.name, judge.calls) == ("quality", 6)
    assert judge.nano is not None
    assert told.nano == 6 * 510 + judge.nano
    assert bench.chat.asked == []
    bench.chat.answers = [lambda request: JUDGED if request.model == "judge" else echo(request)]
    bench.run(2, trials=2, evaluators=["exact", GOOD], judge="judge")
    task, judge = estimated(bench, 3, trials=2, evaluators=["exact", GOOD], judge="judge").parts
    assert (task.calls, task.kept, task.nano, task.why) == (2, 4, 14, "what 4 of an earlier run cost")
    assert (judge.calls, judge.kept, judge.nano) == (2, 4, 2 * 7)
    whole = estimated(bench, 2, trials=2, evaluators=["exact", GOOD], judge="judge")
    assert (whole.nano, whole.parts[1].calls, whole.parts[1].kept) == (0, 0, 4)
    assert estimated(bench, 2, trials=2).parts[0].nano == 0
    assert estimated(bench, 2, trials=2, fresh=True).parts[0].calls == 4


def test_every_juror_counts_and_a_kept_verdict_costs_what_it_did(bench: Bench) -> None:
    jury = [{"use": "jury", "models": ["wise", "unpriced"]}]
    part = estimated(bench, 2, evaluators=jury).parts[1]
    assert (part.calls, part.nano) == (4, None)
    assert part.why.startswith("the price of 'unpriced' is not known")
    jury = [{"use": "jury", "models": ["wise", "sage"]}]
    one = estimated(bench, 2, evaluators=[GOOD], judge="wise").parts[1]
    assert one.nano is not None
    assert (estimated(bench, 2, evaluators=jury).parts[1].nano or 0) > one.nano
    bench.chat.answers = [lambda request: JUDGED if request.model == "judge" else echo(request)]
    for _ in range(2):
        bench.run(2, evaluators=[GOOD], judge="judge")
    assert estimated(bench, 4, evaluators=[GOOD], judge="judge", fresh=True).parts[1].nano == 4 * 7


def test_what_is_not_known_is_said(bench: Bench) -> None:
    told = estimated(bench, 2, task={"model": "unpriced"})
    assert (told.nano, told.parts[0].why) == (None, "the price of 'unpriced' is not known")
    by_function = Given(cases=[case(1)], function=lambda one: "x")
    assert estimated(bench, 1, by_function, task={"python": "a:f"}).nano is None
    assert estimated(bench, 1, task={"recorded": True}).nano == 0
    messages = [{"role": "user", "content": "{metadata.none}"}]
    assert estimated(bench, 1, task={"model": "m", "messages": messages}).parts[0].calls == 0


def test_a_baseline_that_is_not_there_is_told_before(bench: Bench) -> None:
    assert estimated(bench, 1, baseline="nosuch").notes == ["There is no run 'nosuch' that is done."]


def test_what_so_many_cases_can_tell_is_said_before(bench: Bench) -> None:
    (first,) = estimated(bench, 40).foreseen
    assert (first.metric, first.cases, "for a share that passes" in first.why) == ("exact", 40, True)
    assert first.detectable is not None
    wrong = [case(i, expected="x") if i % 4 == 0 else case(i) for i in range(8)]
    bench.run(wrong)
    (second,) = estimated(bench, 40, baseline="s").foreseen
    assert "75.0% of 8 passed before" in second.sentence
    assert estimated(bench, 3, evaluators=["toxicity"]).foreseen == []  # nothing is known of its scores
