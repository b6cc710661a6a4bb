"""Whether a task was completed, by rules over the state that it left."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.evals.values import NotJson, contains, read, same, written
from pilothouse.types import Json

__all__ = ["TaskCompletion", "find"]

_NOTHING = object()
_INDEX = re.compile("[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class TaskCompletion(Evaluator):
    """Passes a final state that meets every rule; the score is the share that it meets.

    A rule is a JSON Pointer (RFC 6901) into the state and what is to be found there: a value, or an object of `equals`,
    `not`, `one_of`, `contains`, `at_least`, `at_most`, `length`, `exists`. Without `rules`, the state has to have what
    `expected` has (its `state`, where it has one). The state is `metadata.state` of the case, or its `output` as JSON,
    or the `last_result` of its steps; what is not there is skipped.
    """

    rules: Json | None = None
    state: Literal["metadata", "output", "last_result"] = "metadata"
    name: str = "task_completion"

    def __post_init__(self) -> None:
        if self.rules is not None and not self.rules:
            raise refusal(self, "rules", "is empty")
        for pointer, rule in (self.rules or {}).items():
            if pointer and not pointer.startswith("/"):
                raise refusal(
                    self, "rules", f"'{pointer}' is no JSON Pointer, which begins with /, as in /order/status"
                )
            strange = [] if not isinstance(rule, Mapping) else [str(name) for name in rule if name not in _CONDITIONS]
            if strange or rule == {}:
                what = f"has '{strange[0]}'" if strange else "is empty"
                known = ", ".join(_CONDITIONS)
                raise refusal(
                    self, f"rules{pointer}", f"{what}; conditions are {known}, an object is given by 'equals'"
                )

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        state = self._state(case)
        if state is _NOTHING:
            return Verdict.skipped(self.name, f"The case has no final state: nothing in its {self.state}.")
        if self.rules is not None:
            wrong = [fault for pointer, rule in self.rules.items() if (fault := _broken(state, pointer, rule))]
            score = 1 - len(wrong) / len(self.rules)
            return told(self.name, not wrong, "; ".join(wrong[:5]), score=score, detail={"faults": wrong[:20]})
        expected = case.expected
        if isinstance(expected, Mapping) and "state" in expected:
            expected = expected["state"]
        if expected is None:
            return Verdict.skipped(self.name, "There are no rules, and the case has no 'expected' state.")
        why = f"The state lacks something of {written(expected)[:200]}."
        return told(self.name, contains(state, expected), why)

    def _state(self, case: Case) -> Any:
        if self.state == "metadata":
            return case.metadata.get("state", _NOTHING)
        if self.state == "last_result":
            return case.steps[-1].result if case.steps else _NOTHING
        try:
            return read(case.output, fenced=True)
        except NotJson:
            return _NOTHING


def find(value: Any, pointer: str, otherwise: Any = None) -> Any:
    """What a JSON Pointer (RFC 6901) leads to, `otherwise` where it leads nowhere."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list | tuple) and _INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return otherwise
    return value


def _broken(state: Any, pointer: str, rule: Any) -> str:
    """What is wrong by one rule, empty where nothing is."""
    there = find(state, pointer, _NOTHING)
    conditions = rule if isinstance(rule, Mapping) else {"equals": rule}
    for name, wanted in conditions.items():
        if not _CONDITIONS[name](there, wanted):
            shown = "nothing" if there is _NOTHING else written(there)[:80]
            return f"{pointer or 'the state'} is {shown}, not {name} {written(wanted)[:80]}"
    return ""


def _at_least(there: Any, bound: Any) -> bool:
    return _is_number(there) and _is_number(bound) and bool(there >= bound)


def _at_most(there: Any, bound: Any) -> bool:
    return _is_number(there) and _is_number(bound) and bool(there <= bound)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _has(there: Any, wanted: Any) -> bool:
    if isinstance(there, str):
        return isinstance(wanted, str) and wanted in there
    if isinstance(there, list | tuple):
        return any(same(item, wanted) for item in there)
    return contains(there, wanted)


_CONDITIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "not": lambda there, wanted: not same(there, wanted),
    "one_of": lambda there, wanted: isinstance(wanted, list | tuple) and any(same(there, one) for one in wanted),
    "contains": _has,
    "at_least": _at_least,
    "at_most": _at_most,
    "length": lambda there, wanted: isinstance(there, str | list | tuple | Mapping) and same(len(there), wanted),
    "exists": lambda there, wanted: (there is not _NOTHING) is bool(wanted),
}
