"""`assert_eval`: an output judged, and a failure that says what was asked, what came of it, and what is wrong."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case, Step, Verdict
from pilothouse.errors import PilothouseError
from pilothouse.evals.values import written
from pilothouse.pytest_plugin.marks import evaluators_of
from pilothouse.pytest_plugin.session import Session
from pilothouse.pytest_plugin.trials import Stopped, Trials, Untold

__all__ = ["AssertEval", "explained"]

_LONGEST = 600
_FIELDS = ("input", "expected", "context", "steps", "metadata", "latency_s", "cost_nano", "trace_id")


class AssertEval:
    """The fixture of one test."""

    def __init__(self, session: Session, trials: Trials) -> None:
        self._session = session
        self._trials = trials

    def __call__(
        self, case_or_output: Any, evaluators: Any = None, *, judge: str | None = None, **fields: Any
    ) -> list[Verdict]:
        """Judge a Case, or an output: a text, or any JSON value. Of an output `fields` say the rest of its case:
        `input`, `expected`, `context`, `steps`, `metadata`, `latency_s`, `cost_nano`, `trace_id`; of a Case what to
        replace.

        Raises AssertionError where an evaluator does not pass, or could not tell. What is skipped for want of a judge
        or of something in the case is no failure: it skips the test at its end, unless `--eval-strict`.
        """
        __tracebackhide__ = True
        wanted = self._trials.mark.evaluators if evaluators is None else evaluators_of(evaluators)
        if not wanted:
            raise pytest.UsageError("assert_eval has no evaluators: name some here or in @pytest.mark.eval.")
        case = _case(case_or_output, fields)
        who = judge or self._trials.mark.judge or self._session.judge
        try:
            place, trial = self._trials.place
            verdicts = self._session.verdicts(case, wanted, who, place=place, trial=trial)
        except PilothouseError as error:
            raise Stopped(f"Evaluation stopped: {error.message}", pytrace=False) from None
        self._trials.record(case, verdicts, wanted, who)
        wrong = [one for one in verdicts if one.passed is False]
        untold = [one for one in verdicts if one.status == "failed"]
        if wrong:
            raise AssertionError(explained(case, verdicts))
        if untold:
            raise Untold(explained(case, verdicts))
        return verdicts

    async def aio(
        self, case_or_output: Any, evaluators: Any = None, *, judge: str | None = None, **fields: Any
    ) -> list[Verdict]:
        """The same without holding up the loop of an async test (asyncio)."""
        __tracebackhide__ = True
        return await asyncio.to_thread(self, case_or_output, evaluators, judge=judge, **fields)


def explained(case: Case, verdicts: Sequence[Verdict]) -> str:
    """What a developer needs to see of a case that does not pass."""
    lines = []
    for verdict in verdicts:
        state = verdict.status if verdict.passed is None else "passed" if verdict.passed else "not passed"
        score = "" if verdict.score is None else f", score {verdict.score:.4g}"
        lines.append(f"{verdict.evaluator}: {state}{score}")
        if verdict.explanation and not verdict.passed:
            lines.append(f"    {_cut(verdict.explanation)}")
        if verdict.trace_id:
            lines.append(f"    pilothouse traces show {verdict.trace_id}")
    shown = {"input": case.input, "output": case.output, "expected": case.expected, "context": list(case.context)}
    lines += [f"{name + ':':<10}{_cut(written(value))}" for name, value in shown.items() if value not in (None, [])]
    wrong = any(verdict.passed is False for verdict in verdicts)
    return "\n".join([f"the output {'does not pass' if wrong else 'could not be judged'}", *lines])


def _case(given: Any, fields: dict[str, Any]) -> Case:
    if unknown := sorted(fields.keys() - set(_FIELDS)):
        raise TypeError(f"assert_eval has no '{unknown[0]}'; a case has {', '.join(_FIELDS)}.")
    if "context" in fields:
        context = fields["context"]
        fields["context"] = (context,) if isinstance(context, str) else tuple(context or ())
    if "steps" in fields:
        fields["steps"] = msgspec.convert(list(fields["steps"] or ()), tuple[Step, ...])
    if isinstance(given, Case):
        return msgspec.structs.replace(given, **fields)
    return Case(id="", output=written(given), **{"input": None, **fields})


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
