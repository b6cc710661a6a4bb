"""The trials of one test: its body run again and again, and whether it passed often enough."""

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import msgspec
import pytest

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.evals.shapes import Evaluator
from pilothouse.ids import content_hash
from pilothouse.pytest_plugin.marks import EvalMark, used
from pilothouse.stats.intervals import wilson
from pilothouse.types import Json

__all__ = ["TEST", "Found", "Result", "Stopped", "Trials", "Untold"]

TEST = "test"
"""The name under which a run has whether the test itself passed."""

_MOST_ID = 400
_MOST_SHOWN = 3


class Untold(AssertionError):
    """An evaluator could not tell, such as a judge whose answers stayed broken: neither a pass nor a failure."""


class Stopped(pytest.fail.Exception):  # type: ignore[name-defined, misc]
    """Evaluation cannot go on, such as when its money is spent: it ends the test, whatever trials are left."""


class Result(msgspec.Struct, frozen=True):
    """What became of one trial, and why where it did not pass. `error` is an exception that was no assertion."""

    state: Literal["passed", "failed", "error", "untold", "skipped"]
    why: str = ""


class Found(msgspec.Struct, frozen=True):
    """All that a test found, as it goes with its report. `evaluators` are those that spoke, as a suite names them;
    `lower` are the names of those whose scores are good when low."""

    test: str
    suite: str
    mark: Json
    results: list[Result]
    outcomes: list[Outcome]
    evaluators: dict[str, Json] = {}
    lower: list[str] = []


class Trials:
    """Of the test `node`. With `strict` what could not be judged fails."""

    def __init__(self, node: str, mark: EvalMark, strict: bool = False) -> None:
        self.mark = mark
        self._node = node
        self._strict = strict
        self._results: list[Result] = []
        self._outcomes: list[Outcome] = []
        self._current: list[Outcome] = []
        self._used: dict[str, Json] = {}
        self._lower: set[str] = set()

    @property
    def place(self) -> tuple[str, int]:
        """The id of the case that comes next, and the trial that runs."""
        return self._id(len(self._current)), len(self._results)

    def record(
        self, case: Case, verdicts: Sequence[Verdict], evaluators: Iterable[Evaluator] = (), judge: str | None = None
    ) -> None:
        """What these evaluators said within the trial that runs, where `judge` judges."""
        for one in evaluators:
            self._used.setdefault(one.name, used(one, judge))
            self._lower |= {one.name} if getattr(one, "lower_is_better", False) else set()
        name, trial = self.place
        named = {"case": case.id, **case.metadata} if case.id else case.metadata
        own = msgspec.structs.replace(case, id=name, metadata={**named, "test": self._node.partition("[")[0]})
        self._current.append(Outcome(case=own, trial=trial, verdicts=tuple(verdicts)))

    def repeated(self, body: Callable[..., Any]) -> Callable[..., Any]:
        """The body of the test, run as often as the mark says; sync or async as it is."""
        if inspect.iscoroutinefunction(body):

            @functools.wraps(body)
            async def again(*args: Any, **given: Any) -> None:
                __tracebackhide__ = True
                for _ in range(self.mark.trials):
                    with self._trial():
                        await body(*args, **given)
                self._decide()

            return again

        @functools.wraps(body)
        def once_more(*args: Any, **given: Any) -> None:
            __tracebackhide__ = True
            for _ in range(self.mark.trials):
                with self._trial():
                    body(*args, **given)
            self._decide()

        return once_more

    def properties(self) -> list[tuple[str, object]]:
        """For JUnit's file: how many trials passed, and the mean score of each evaluator."""
        told: list[tuple[str, object]] = [("eval_suite", self.mark.suite)]
        if self.mark.trials > 1:
            passed, told_of = self._passed
            told += [
                ("eval_trials", len(self._results)),
                ("eval_passed", passed),
                ("eval_untold", len(self._results) - told_of),
            ]
            if told_of:
                share = wilson(passed, told_of)
                told += [("eval_pass_rate", f"{share.value:.4f}"), ("eval_pass_rate_low", f"{share.low:.4f}")]
                told += [("eval_pass_rate_high", f"{share.high:.4f}")]
        scores: dict[str, list[float]] = {}
        for verdict in (one for outcome in self._outcomes for one in outcome.verdicts):
            if verdict.evaluator != TEST and verdict.score is not None:
                scores.setdefault(verdict.evaluator, []).append(verdict.score)
        return told + [(f"eval_score.{name}", f"{sum(own) / len(own):.4f}") for name, own in scores.items()]

    def packed(self) -> str:
        """A Found as JSON, which every report can carry."""
        found = Found(
            self._node, self.mark.suite, self.mark.to_json(), self._results, self._outcomes, self._used,
            sorted(self._lower),
        )  # fmt: skip
        return msgspec.json.encode(found, enc_hook=str).decode()

    @property
    def _passed(self) -> tuple[int, int]:
        """How many trials passed, and of how many that could be told."""
        states = [result.state for result in self._results]
        return states.count("passed"), sum(state in ("passed", "failed", "error") for state in states)

    @contextmanager
    def _trial(self) -> Iterator[None]:
        """One trial. Of several none ends the test; of a single one everything passes through."""
        __tracebackhide__ = True
        self._current = []
        try:
            yield
        except (pytest.skip.Exception, Stopped):
            raise
        except Untold as error:
            self._end("untold", error)
        except (AssertionError, pytest.fail.Exception) as error:
            self._end("failed", error)
        except Exception as error:  # noqa: BLE001 - whatever the tested program raises is what was found
            self._end("error", error)
        else:
            lacking = [
                one.explanation for outcome in self._current for one in outcome.verdicts if one.status == "skipped"
            ]
            self._note(Result("skipped", " ".join(dict.fromkeys(lacking))) if lacking else Result("passed"))

    def _end(self, state: Literal["failed", "error", "untold"], error: BaseException) -> None:
        __tracebackhide__ = True
        named = str(error) if state != "error" else f"{type(error).__name__}: {error}"
        self._note(Result(state, named or type(error).__name__))
        if self.mark.trials == 1:
            raise error

    def _note(self, result: Result) -> None:
        """Keep what the trial found, and with its first case whether the test passed."""
        trial, outcomes = len(self._results), self._current
        self._results.append(result)
        if not outcomes:
            test = self._node.partition("[")[0]
            outcomes = [Outcome(case=Case(id=self._id(0), input=None, metadata={"test": test}), trial=trial)]
        if result.state in ("untold", "skipped"):
            make = Verdict.failed if result.state == "untold" else Verdict.skipped
            said = make(TEST, result.why)
        else:
            passed = result.state == "passed"
            said = Verdict.ok(TEST, float(passed), passed=passed, explanation=result.why)
        first, *others = outcomes
        self._outcomes += [msgspec.structs.replace(first, verdicts=(*first.verdicts, said)), *others]

    def _decide(self) -> None:
        passed, told = self._passed
        skipped = [result for result in self._results if result.state == "skipped"]
        if self.mark.trials > 1 and (told or not skipped) and not self.mark.pass_rate.holds(passed, told):
            pytest.fail(self._explained(passed, told), pytrace=False)
        if skipped:
            self._skip(skipped[0].why)

    def _explained(self, passed: int, told: int) -> str:
        untold = len(self._results) - told
        lines = []
        if told:
            share = wilson(passed, told)
            wanted = f"{passed} of {told} trials passed; asked for was a pass rate of {self.mark.pass_rate}"
            lines = [f"{wanted}; it is {share.value:.2f} ({share.low:.2f} to {share.high:.2f}, Wilson 95 %)"]
        if untold:
            lines.append(f"{untold} of {len(self._results)} trials could not be judged and count for nothing")
        wrong = [(n, one) for n, one in enumerate(self._results, 1) if one.state != "passed"]
        for number, result in wrong[:_MOST_SHOWN]:
            lines.append(f"trial {number}: {result.state}: " + result.why.replace("\n", "\n    "))
        if len(wrong) > _MOST_SHOWN:
            lines.append(f"and {len(wrong) - _MOST_SHOWN} more")
        return "\n".join(lines)

    def _skip(self, why: str) -> None:
        __tracebackhide__ = True
        if self._strict:
            pytest.fail(f"could not be judged: {why}", pytrace=False)
        pytest.skip(why)

    def _id(self, nth: int) -> str:
        name = self._node if nth == 0 else f"{self._node} #{nth + 1}"
        plain = "".join(letter if letter.isprintable() else "?" for letter in name)
        return plain if len(plain) <= _MOST_ID else f"{plain[: _MOST_ID - 20]}…{content_hash(name)[:16]}"
