"""Runs and answers that are too old go, a step at a time; what is young enough stays."""

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.observe.privacy.retention import Gone, Retention
from pilothouse.privacy import RetentionConfig
from pilothouse.storage import Store
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, KeptAnswer
from pilothouse.storage.evaluating.eval_runs import EvalRuns

P, DAY_US = "default", 86_400_000_000


def test_what_is_too_old_goes_and_the_rest_stays(store: Store) -> None:
    now = [0]
    runs, answers = EvalRuns(store, lambda: now[0]), EvalAnswers(store, lambda: now[0])
    ids = []
    for day in (0, 8):
        now[0] = day * DAY_US
        ids.append(runs.create(P, name=f"of {day}", suite="s", subject={}, plan={}, plan_hash="").id)
        found = [Outcome(case=Case(id=f"{i:04}", input=i), verdicts=(Verdict.ok("x", 1),)) for i in range(501)]
        runs.put(P, ids[-1], found)
        answers.put(P, {f"of {day}": KeptAnswer(body=day, latency_us=1)})
    retention = Retention(store, lambda: 10 * DAY_US)
    for_ever = RetentionConfig(eval_runs=0, eval_answers=0)
    assert retention.plan(for_ever) == sum_of(retention, for_ever) == Gone()
    ages = RetentionConfig(eval_runs=5, eval_answers=5)
    plan = retention.plan(ages)
    assert (plan.runs, plan.answers) == (1, 1)
    gone = sum_of(retention, ages)
    assert (gone.runs, gone.outcomes, gone.answers) == (1, 501, 1)
    assert [run.id for run in runs.list(P).runs] == ids[1:]
    assert len(runs.done(P, ids[1])) == 501
    assert runs.done(P, ids[0]) == set()
    assert answers.known(P, ["of 0", "of 8"]) == {"of 8"}


def sum_of(retention: Retention, ages: RetentionConfig) -> Gone:
    gone = Gone()
    for step in retention.run(ages):
        gone.add(step)
    return gone
