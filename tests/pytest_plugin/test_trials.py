"""Trials of one test."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Verdict
from pilothouse.pytest_plugin.marks import EvalMark, PassRate
from pilothouse.pytest_plugin.trials import Found, Stopped, Trials, Untold

CASE = Case(id="fr", input="France?", output="Paris", metadata={"topic": "capitals"})
RIGHT = Verdict.ok("exact", 1, passed=True)
LACKING = Verdict.skipped("judge", "No judge.")


def scripted(trials: Trials, *steps: Any) -> Callable[[], None]:
    """A test body that does one of these things in each trial: raises an error, or records a verdict."""
    left = list(steps)

    def body() -> None:
        step = left.pop(0)
        if isinstance(step, BaseException):
            raise step
        trials.record(CASE, [step])

    return body


def run(*steps: Any, rate: PassRate = PassRate(), strict: bool = False) -> tuple[Trials, BaseException | None]:  # noqa: B008
    trials = Trials("test_x.py::test_x[fr]", EvalMark(trials=len(steps), pass_rate=rate), strict)
    try:
        trials.repeated(scripted(trials, *steps))()
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - looked at by the tests
        return trials, error
    return trials, None


def found(trials: Trials) -> Found:
    return msgspec.json.decode(trials.packed(), type=Found)


def test_a_single_trial_lets_everything_through() -> None:
    wrong = KeyError("x")
    assert run(wrong)[1] is wrong
    failed = AssertionError("no")
    trials, error = run(failed)
    assert error is failed
    (result,) = found(trials).results
    assert (result.state, result.why) == ("failed", "no")


def test_the_rate_decides_about_several() -> None:
    assert run(RIGHT, AssertionError("no"), RIGHT, rate=PassRate(0.6))[1] is None
    error = run(RIGHT, AssertionError("no"), ValueError("bad"), rate=PassRate(0.6))[1]
    assert isinstance(error, pytest.fail.Exception)
    assert "1 of 3 trials passed" in str(error)
    assert "trial 2: failed: no" in str(error)
    assert "trial 3: error: ValueError: bad" in str(error)


def test_what_could_not_be_told_counts_for_nothing() -> None:
    trials, error = run(RIGHT, Untold("prose"), RIGHT)
    assert error is None
    assert dict(trials.properties())["eval_untold"] == 1
    nothing = run(Untold("prose"), Untold("prose"))[1]
    assert isinstance(nothing, pytest.fail.Exception)
    assert "2 of 2 trials could not be judged" in str(nothing)


def test_what_stops_evaluation_ends_the_test() -> None:
    stopped = Stopped("The money is spent.")
    trials, error = run(RIGHT, stopped, RIGHT, rate=PassRate(0.1))
    assert error is stopped
    assert len(found(trials).results) == 1


def test_what_was_skipped_skips_at_the_end() -> None:
    error = run(RIGHT, LACKING)[1]
    assert isinstance(error, pytest.skip.Exception)
    assert str(error) == "No judge."
    assert isinstance(run(LACKING, LACKING)[1], pytest.skip.Exception)
    assert isinstance(run(LACKING, AssertionError("no"))[1], pytest.fail.Exception)
    assert isinstance(run(LACKING, strict=True)[1], pytest.fail.Exception)


def test_each_trial_has_an_outcome_that_says_whether_the_test_passed() -> None:
    told = found(run(RIGHT, AssertionError("no"), Untold("prose"), LACKING, rate=PassRate(0.5))[0])
    assert [outcome.trial for outcome in told.outcomes] == [0, 1, 2, 3]
    assert [outcome.verdicts[-1].status for outcome in told.outcomes] == ["ok", "ok", "failed", "skipped"]
    assert [outcome.verdicts[-1].passed for outcome in told.outcomes] == [True, False, None, None]
    first = told.outcomes[0]
    assert first.case.id == "test_x.py::test_x[fr]"
    assert first.case.metadata == {"topic": "capitals", "case": "fr", "test": "test_x.py::test_x"}
    assert [verdict.evaluator for verdict in first.verdicts] == ["exact", "test"]


def test_several_cases_of_one_trial_have_ids_of_their_own() -> None:
    trials = Trials("test_x", EvalMark())

    def body() -> None:
        trials.record(CASE, [RIGHT])
        trials.record(CASE, [RIGHT])

    trials.repeated(body)()
    assert [outcome.case.id for outcome in found(trials).outcomes] == ["test_x", "test_x #2"]


def test_ids_can_be_kept() -> None:
    trials = Trials("test_x[" + "long\n" * 300 + "]", EvalMark())
    trials.repeated(lambda: None)()
    (outcome,) = found(trials).outcomes
    assert len(outcome.case.id) <= 400
    assert outcome.case.id.isprintable()


def test_async_bodies() -> None:
    trials = Trials("test_x", EvalMark(trials=3))
    seen = []

    async def body(value: int) -> None:
        await asyncio.sleep(0)
        seen.append(value)

    asyncio.run(trials.repeated(body)(value=7))
    assert seen == [7, 7, 7]
    assert dict(trials.properties())["eval_passed"] == 3
