"""Expected tool calls beside those that were made: which agree, and how far one list is from the other."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pilothouse.cases import Case, Step
from pilothouse.evals.rules.schema import SchemaCheck
from pilothouse.evals.values import NotJson, contains, read, same

__all__ = ["Agreement", "Arguments", "agreement", "edit_distance", "expected_steps", "pairs"]

Arguments = Literal["exact", "subset", "schema", "ignore"]
"""How arguments are compared: all; those that are expected; by a JSON schema in their place; not at all."""

Agreement = Callable[[Step, Step], bool]
"""Whether an expected step agrees with one that was made."""

_LISTS = ("steps", "tool_calls", "trajectory")


def expected_steps(case: Case) -> list[Step] | None:
    """The steps that a case expects, None where it says nothing of the kind.

    `expected` is a list, or has one as `steps`, `tool_calls` or `trajectory`, of names, of objects with `name` and
    `arguments`, or of tool calls as OpenAI writes them. An empty list expects that nothing is called.
    """
    given = case.expected
    if isinstance(given, Mapping):
        given = next((given[name] for name in _LISTS if name in given), None)
    if not isinstance(given, list | tuple):
        return None
    steps = [_step(one) for one in given]
    return None if None in steps else [step for step in steps if step is not None]


def _step(given: Any) -> Step | None:
    if isinstance(given, str):
        return Step(given)
    if not isinstance(given, Mapping):
        return None
    call = given.get("function", given)
    if not isinstance(call, Mapping) or not isinstance(call.get("name"), str):
        return None
    arguments = call.get("arguments", call.get("args", {}))
    if isinstance(arguments, str):
        try:
            arguments = read(arguments)
        except NotJson:
            return None
    return Step(call["name"], arguments) if isinstance(arguments, dict) else None


def agreement(arguments: Arguments) -> Agreement:
    """Compares names, and arguments as `arguments` says.

    It raises ValueError where expected arguments should be a schema and are none, or one that cannot tell.
    """
    if arguments == "schema":
        return _by_schema()
    compare: Callable[[Any, Any], bool] = {"exact": same, "subset": contains, "ignore": lambda *_: True}[arguments]
    return lambda wanted, made: wanted.name == made.name and compare(made.arguments, wanted.arguments)


def _by_schema() -> Agreement:
    checks: dict[int, tuple[Step, SchemaCheck]] = {}  # the step is kept, so that no other has its id

    def agrees(wanted: Step, made: Step) -> bool:
        if wanted.name != made.name:
            return False
        if id(wanted) not in checks:
            checks[id(wanted)] = (wanted, SchemaCheck(wanted.arguments))
        return not checks[id(wanted)][1].faults(made.arguments)

    return agrees


def pairs(wanted: Sequence[Step], made: Sequence[Step], agrees: Agreement) -> dict[int, int]:
    """As many pairs of agreeing steps as there can be, each step in one: index in `wanted` to index in `made`.

    Augmenting paths (Berge 1957), searched breadth first.
    """
    edges = [[j for j, other in enumerate(made) if agrees(one, other)] for one in wanted]
    found: dict[int, int] = {}
    taken: dict[int, int] = {}
    for start in range(len(wanted)):
        came_from: dict[int, int] = {}
        waiting, end = deque([start]), None
        while waiting and end is None:
            one = waiting.popleft()
            for other in edges[one]:
                if other in came_from:
                    continue
                came_from[other] = one
                if other not in taken:
                    end = other
                    break
                waiting.append(taken[other])
        while end is not None:
            one = came_from[end]
            before = found.get(one)
            found[one], taken[end] = end, one
            end = before if one != start else None
    return found


def edit_distance(wanted: Sequence[Step], made: Sequence[Step], agrees: Agreement) -> int:
    """The fewest steps to insert, leave out or replace that make one list of the other (Levenshtein 1966)."""
    row = list(range(len(made) + 1))
    for i, one in enumerate(wanted, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(made, 1):
            replaced = diagonal + (not agrees(one, other))
            diagonal = row[j]
            row[j] = min(replaced, row[j] + 1, row[j - 1] + 1)
    return row[-1]
