"""What operators of a Jinja template do: Python's meaning over plain data, each bounded before it is computed."""

import math
import operator
from collections.abc import Callable
from typing import Any

from pilothouse.prompts.templates.run import Fault, Run
from pilothouse.prompts.templates.values import kind_of, tainted

__all__ = ["ARITHMETIC", "COMPARISONS", "bounded", "joined"]

_EASY = (int, float, bool, type(None))
_NUMBERS = frozenset((int, float))
_REPEATED = (str, list)


def bounded(value: Any) -> Any:
    """A number, or Fault where it has more than 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise Fault("a number of more than 64 bits comes out.")
    if isinstance(value, complex):
        raise Fault("a root of a negative number comes out.")
    if isinstance(value, float) and not math.isfinite(value):
        raise Fault("a number too large to be told comes out.")
    return value


def _numbers(sign: str, left: Any, right: Any) -> None:
    if type(left) in _NUMBERS and type(right) in _NUMBERS:
        return
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        told = " Use '~' to join texts." if sign == "+" else ""
        if sign == "%" and isinstance(left, str):
            told = " A text is not formatted by '%': use '~'."
        raise Fault(f"'{sign}' does not go with {kind_of(left)} and {kind_of(right)}.{told}")


def _add(run: Run, left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        run.charge_text(len(left) + len(right))
        return joined(run, [left, right])
    if isinstance(left, list) and isinstance(right, list):
        run.charge(len(left) + len(right))
        return left + right
    _numbers("+", left, right)
    return bounded(left + right)


def _multiply(run: Run, left: Any, right: Any) -> Any:
    if isinstance(right, _REPEATED):
        left, right = right, left
    if isinstance(left, _REPEATED) and isinstance(right, int):
        times = max(right, 0)
        if isinstance(left, list):
            run.charge(len(left) * times)
            return left * times
        run.charge_text(len(left) * times)
        return tainted(left * times, run.weigh(left))
    _numbers("*", left, right)
    return bounded(left * right)


def _power(run: Run, left: Any, right: Any) -> Any:
    _numbers("**", left, right)
    if isinstance(left, int) and isinstance(right, int) and abs(left) > 1 and right > 64:
        raise Fault("a number of more than 64 bits comes out.")
    return bounded(left**right)


def _numeric(sign: str, apply: Callable[[Any, Any], Any]) -> Callable[[Run, Any, Any], Any]:
    def computed(run: Run, left: Any, right: Any) -> Any:
        _numbers(sign, left, right)
        return bounded(apply(left, right))

    return computed


def joined(run: Run, texts: list[str]) -> str:
    """Texts end to end; untrusted where one is. The length was charged before."""
    level = max((run.weigh(text) for text in texts if type(text) is not str), default=0)
    made: str = tainted("".join(texts), level)
    return made


def _compared(apply: Callable[[Any, Any], Any]) -> Callable[[Run, Any, Any], Any]:
    def compared(run: Run, left: Any, right: Any) -> Any:
        if not isinstance(left, _EASY) and not isinstance(right, _EASY):
            run.weigh(left)
            run.weigh(right)
        try:
            return apply(left, right)
        except TypeError:
            raise Fault(f"{kind_of(left)} and {kind_of(right)} have no order.") from None

    return compared


def _contains(run: Run, item: Any, held: Any) -> bool:
    run.weigh(item)
    if isinstance(held, dict):
        return not isinstance(item, list | dict) and item in held
    if isinstance(held, list) or (isinstance(held, str) and isinstance(item, str)):
        run.weigh(held)
        return item in held
    raise Fault(f"'in' does not go with {kind_of(item)} and {kind_of(held)}.")


ARITHMETIC: dict[str, Callable[[Run, Any, Any], Any]] = {
    "Add": _add,
    "Sub": _numeric("-", operator.sub),
    "Mul": _multiply,
    "Div": _numeric("/", operator.truediv),
    "FloorDiv": _numeric("//", operator.floordiv),
    "Mod": _numeric("%", operator.mod),
    "Pow": _power,
}
"""By the name of Jinja's node. Each charges what it makes; raises Fault, ZeroDivisionError or OverflowError."""

COMPARISONS: dict[str, Callable[[Run, Any, Any], Any]] = {
    "eq": _compared(operator.eq),
    "ne": _compared(operator.ne),
    "lt": _compared(operator.lt),
    "lteq": _compared(operator.le),
    "gt": _compared(operator.gt),
    "gteq": _compared(operator.ge),
    "in": _contains,
    "notin": lambda run, item, held: not _contains(run, item, held),
}
"""By Jinja's name of the operator."""
