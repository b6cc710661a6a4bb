"""Filters, tests, methods and `range` of a Jinja template, called: what goes in and comes out is charged, and a text
made from an untrusted one stays untrusted."""

from collections.abc import Callable
from typing import Any

from pilothouse.prompts.templates.filters import METHODS, TEXT_FILTERS
from pilothouse.prompts.templates.lists import LIST_FILTERS, TESTS, attribute_of, iterated
from pilothouse.prompts.templates.naming import nearest
from pilothouse.prompts.templates.run import EASY, Expression, Fault, Run, Scope, Undefined
from pilothouse.prompts.templates.values import kind_of, tainted

__all__ = ["FILTERS", "OVER_ITEMS", "called", "default_of", "method", "over_items", "ranged"]

Arguments = Callable[[Scope, Run], tuple[list[Any], dict[str, Any]]]

FILTERS: dict[str, Callable[..., Any]] = {**TEXT_FILTERS, **LIST_FILTERS}
OVER_ITEMS = ("map", "select", "reject", "selectattr", "rejectattr")
_WRONG = (TypeError, ValueError, ArithmeticError, LookupError)


def called(told: str, apply: Callable[..., Any], held: Expression | None, arguments: Arguments) -> Expression:
    """`apply(run, held, *arguments)`; `told` names it in errors."""

    def result(scope: Scope, run: Run) -> Any:
        values, named = arguments(scope, run)
        if held is not None:
            values = [held(scope, run), *values]
        level = 0
        for value in (*values, *named.values()) if named else values:
            if type(value) not in EASY:
                level = max(level, run.weigh(value))
        return _finished(run, told, apply, values, named, level)

    return result


def method(name: str, held: Expression, arguments: Arguments) -> Expression:
    """A method of a text or an object."""

    def result(scope: Scope, run: Run) -> Any:
        owner = held(scope, run)
        apply = next((make for kind, make in METHODS[name].items() if isinstance(owner, kind)), None)
        if apply is None:
            raise Fault(f"{kind_of(owner)} has no {name}().")
        values, named = arguments(scope, run)
        values = [owner, *values]
        level = max([run.weigh(value) for value in (*values, *named.values())])
        return _finished(run, f"{name}()", apply, values, named, level)

    return result


def over_items(name: str, held: Expression, arguments: Arguments) -> Expression:
    """The filters that apply a filter or a test to each item."""

    def result(scope: Scope, run: Run) -> Any:
        values, named = arguments(scope, run)
        value = held(scope, run)
        level = max(run.weigh(value), run.weigh(values))
        items = iterated(value)
        return _finished(run, f"the filter '{name}'", _each, [name, items, values, named], {}, level)

    return result


def ranged(run: Run, *ends: Any) -> list[int]:
    """`range(stop)`, `range(start, stop, step)`, as a list."""
    made = range(*ends)
    try:
        steps = len(made)
    except OverflowError:
        steps = 2**62
    run.charge(steps)
    return list(made)


def default_of(default_value: Any = "", boolean: Any = False) -> tuple[Any, Any]:
    """The arguments of the filter `default`."""
    return default_value, boolean


def _finished(
    run: Run, told: str, apply: Callable[..., Any], values: list[Any], named: dict[str, Any], level: int
) -> Any:
    try:
        made = apply(run, *values, **named)
    except Undefined:
        raise
    except Fault as fault:
        raise Fault(f"{told}: {fault}") from None
    except _WRONG as error:
        raise Fault(f"{told}: {_in_words(error)}.") from None
    if type(made) in EASY:
        return made
    run.weigh(made)
    return tainted(made, level) if level else made


def _in_words(error: Exception) -> str:
    """Python's sentence, without the names of functions that no template knows."""
    text = str(error)
    return "its arguments do not fit" if "argument" in text or "lambda" in text else text[:200]


def _each(run: Run, name: str, items: list[Any], values: list[Any], named: dict[str, Any]) -> list[Any]:
    if name == "map":
        return _mapped(run, items, values, named)
    path = None
    if name.endswith("attr"):
        if not values:
            raise Fault("it needs the name of a field.")
        path, *values = values
    test: Callable[..., Any] = lambda run, value: value  # noqa: E731
    if values:
        chosen, *values = values
        test = _chosen(TESTS, "test", chosen)
    wanted = name.startswith("select")
    kept = []
    for item in items:
        run.charge(1)
        value = item if path is None else attribute_of(item, path)
        if bool(test(run, value, *values)) == wanted:
            kept.append(item)
    return kept


def _mapped(run: Run, items: list[Any], values: list[Any], named: dict[str, Any]) -> list[Any]:
    made = []
    if "attribute" in named:
        for item in items:
            try:
                made.append(attribute_of(item, named["attribute"]))
            except Undefined:
                if "default" not in named:
                    raise
                made.append(named["default"])
        return made
    if not values:
        raise Fault("it needs the name of a filter, or 'attribute'.")
    apply = _chosen(FILTERS, "filter", values[0])
    for item in items:
        found = apply(run, item, *values[1:], **named)
        run.weigh(found)
        made.append(found)
    return made


def _chosen(table: dict[str, Callable[..., Any]], kind: str, name: Any) -> Callable[..., Any]:
    if not isinstance(name, str) or name not in table:
        raise Fault(f"there is no {kind} {name!r:.80}.{nearest(name, table)}")
    return table[name]
