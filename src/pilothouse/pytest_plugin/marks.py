"""What `@pytest.mark.eval` asks for, read and checked."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.cases import Case
from pilothouse.errors import PilothouseError
from pilothouse.evals.datasets.cases import read_cases
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.shapes import Evaluator
from pilothouse.stats.intervals import wilson
from pilothouse.types import Json

__all__ = ["EvalMark", "PassRate", "cases_of", "evaluators_of", "mark_of", "used"]

_RATE = re.compile(r"(?:([01]?(?:\.\d+)?)\s*)?(ci)?")
_MOST_TRIALS = 1000


@dataclass(frozen=True, slots=True)
class PassRate:
    """The share of trials that must pass; when `certain`, it is the lower bound of Wilson's interval (95 %) that must
    reach it."""

    share: float = 1.0
    certain: bool = False

    def __str__(self) -> str:
        return f"{self.share:g} ci" if self.certain else f"{self.share:g}"

    def holds(self, passed: int, trials: int) -> bool:
        """Whether so many of the trials are enough."""
        if trials == 0:
            return False
        low = wilson(passed, trials).low or 0.0
        return low >= self.share if self.certain else passed / trials >= self.share


@dataclass(frozen=True, slots=True)
class EvalMark:
    """Its arguments. `evaluators` are made; those that `assert_eval` is given count instead."""

    trials: int = 1
    pass_rate: PassRate = PassRate()
    evaluators: tuple[Evaluator, ...] = ()
    judge: str | None = None
    suite: str = "pytest"

    def to_json(self) -> Json:
        """What a run keeps of it."""
        told: Json = {"trials": self.trials, "evaluators": [one.name for one in self.evaluators]}
        if self.trials > 1:
            told["pass_rate"] = str(self.pass_rate)
        if self.judge:
            told["judge"] = self.judge
        return told


def mark_of(marker: pytest.Mark | None) -> EvalMark:
    """The mark of a test, one with nothing in it where there is none. Raises UsageError naming what is wrong."""
    if marker is None:
        return EvalMark()
    given = dict(marker.kwargs)
    known = ("trials", "pass_rate", "evaluators", "judge", "suite", "data")
    if marker.args or (unknown := sorted(given.keys() - set(known))):
        wrong = f"'{unknown[0]}' is none of them" if not marker.args else "they have names"
        raise pytest.UsageError(f"pytest.mark.eval takes {', '.join(known)}: {wrong}.")
    trials = given.get("trials", 1)
    if not isinstance(trials, int) or isinstance(trials, bool) or not 1 <= trials <= _MOST_TRIALS:
        raise pytest.UsageError(f"pytest.mark.eval: trials is a number from 1 to {_MOST_TRIALS}, not {trials!r}.")
    for name in ("judge", "suite"):
        if not isinstance(given.get(name, ""), str | None) or given.get(name) == "":
            raise pytest.UsageError(f"pytest.mark.eval: {name} is a name, not {given[name]!r}.")
    return EvalMark(
        trials, _rate(given.get("pass_rate"), trials), evaluators_of(given.get("evaluators", ())), given.get("judge"),
        given.get("suite") or "pytest",
    )  # fmt: skip


def evaluators_of(given: Any) -> tuple[Evaluator, ...]:
    """Evaluators by name, as `{"use": name, option: value}`, or made already; one of them or a list. Raises
    UsageError for what cannot be one."""
    several = [given] if isinstance(given, str | Mapping) or hasattr(given, "evaluate") else given
    if not isinstance(several, Sequence):
        raise pytest.UsageError(f"Evaluators are a list of names, of maps with 'use', or of evaluators, not {given!r}.")
    made: dict[str, Evaluator] = {}
    for one in several:
        evaluator = _evaluator(one)
        if evaluator.name in made:
            raise pytest.UsageError(f"Two evaluators are named '{evaluator.name}': give one a 'name' of its own.")
        made[evaluator.name] = evaluator
    return tuple(made.values())


def used(evaluator: Evaluator, judge: str | None = None) -> Json:
    """An evaluator as a suite names it: `use` with the options that are not as they are by themselves, and who judges
    for it where it names nobody."""
    told: Json = {"use": evaluator.name}
    fields: dict[str, dataclasses.Field[Any]] = getattr(evaluator, "__dataclass_fields__", {})  # a plugin may have none
    for field in fields.values():
        value, default = getattr(evaluator, field.name), field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if field.name == "name" and isinstance(default, str):
            told["use"] = default
        if value != default:
            told[field.name] = value
    if judge and "judge" in evaluator.needs and getattr(evaluator, "model", "none") is None:
        told["model"] = judge
    plain: Json = msgspec.to_builtins(told, enc_hook=str)
    return plain


def cases_of(data: Any, test: Path) -> list[Case]:
    """The cases of a data file, whose path is relative to the test's. Raises UsageError for one that cannot be read."""
    try:
        return list(read_cases(test.parent / data))
    except (PilothouseError, TypeError) as error:
        raise pytest.UsageError(f"{test.name}: pytest.mark.eval(data={data!r}): {error}") from None


def _evaluator(given: Any) -> Evaluator:
    if not isinstance(given, str | Mapping):
        if hasattr(given, "evaluate") and hasattr(given, "name"):
            made: Evaluator = given
            return made
        raise pytest.UsageError(f"{given!r} is no evaluator: a name, a map with 'use', or one that is made.")
    named = {"use": given} if isinstance(given, str) else dict(given)
    name = named.pop("use", None)
    if not isinstance(name, str):
        raise pytest.UsageError(f"{given!r}: 'use' must name an evaluator.")
    try:
        return Evaluators().from_config(name, named)
    except PilothouseError as error:
        raise pytest.UsageError(f"pytest.mark.eval: {error.message}") from None


def _rate(given: Any, trials: int) -> PassRate:
    if given is None:
        return PassRate()
    found = _RATE.fullmatch(given.strip()) if isinstance(given, str) else None
    number = given if isinstance(given, int | float) and not isinstance(given, bool) else None
    if found is not None and (found[1] or found[2]):
        number = float(found[1] or 0.5)
    if number is None or not 0 < number <= 1:
        raise pytest.UsageError(f"pytest.mark.eval: pass_rate is a share as 0.8, or '0.8 ci', not {given!r}.")
    if trials == 1:
        raise pytest.UsageError("pytest.mark.eval: a pass_rate is one of several trials: give 'trials', too.")
    rate = PassRate(float(number), bool(found and found[2]))
    if not rate.holds(trials, trials):
        fewest = next((n for n in range(trials, _MOST_TRIALS + 1) if rate.holds(n, n)), None)
        told = f"it takes {fewest} at least" if fewest else "no number of them could"
        raise pytest.UsageError(f"pytest.mark.eval: {trials} trials can not show a pass_rate of '{rate}': {told}.")
    return rate
