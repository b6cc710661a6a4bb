"""The filters of a Jinja template over lists and objects, and the tests after `is`."""

from collections.abc import Callable
from typing import Any

from pilothouse.prompts.templates.operators import ARITHMETIC, COMPARISONS, bounded
from pilothouse.prompts.templates.run import Fault, Run, Undefined
from pilothouse.prompts.templates.values import kind_of, shown

__all__ = ["LIST_FILTERS", "TESTS", "attribute_of", "iterated"]

_LONGEST_ORDER = 64
"""Characters that two texts are charged for, each time that sorting compares them (times the items' logarithm)."""


def iterated(value: Any) -> list[Any]:
    """What a loop goes over: items, keys of an object, characters of a text."""
    if isinstance(value, list):
        return value
    if isinstance(value, str | dict):
        return list(value)
    raise Fault(f"{kind_of(value)} is nothing to go over.")


def attribute_of(value: Any, path: Any) -> Any:
    """`user.name`, `items.0`. Raises Undefined."""
    steps: list[Any] = path.split(".") if isinstance(path, str) else [path]
    for step in steps:
        key = int(step) if isinstance(step, str) and step.isdecimal() and isinstance(value, list) else step
        try:
            if not isinstance(value, dict | list):
                raise KeyError
            value = value[key]
        except (KeyError, IndexError, TypeError):
            raise Undefined(f"{kind_of(value)} has no '{step}'.") from None
    return value


def _key(attribute: Any, case_sensitive: bool) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:
        found = item if attribute is None else attribute_of(item, attribute)
        return found.lower() if isinstance(found, str) and not case_sensitive else found

    return key


def _ordered(run: Run, keys: list[Any]) -> None:
    """Charges sorting them, before it is done."""
    rounds = max(len(keys), 1).bit_length()
    run.charge(rounds * sum(1 + (len(key) // _LONGEST_ORDER if isinstance(key, str) else 0) for key in keys) // 4)


def _sorted(
    run: Run, value: Any, reverse: bool = False, case_sensitive: bool = False, attribute: Any = None
) -> list[Any]:
    items = iterated(value)
    paths = attribute.split(",") if isinstance(attribute, str) else [attribute]
    keyed = [([_key(path, case_sensitive)(item) for path in paths], item) for item in items]
    for column in range(len(paths)):
        _ordered(run, [key[column] for key, _ in keyed])
    return [item for _, item in sorted(keyed, key=lambda pair: pair[0], reverse=bool(reverse))]


def _dictsorted(
    run: Run, value: Any, case_sensitive: bool = False, by: str = "key", reverse: bool = False
) -> list[Any]:
    if not isinstance(value, dict) or by not in ("key", "value"):
        raise Fault("it sorts an object by 'key' or 'value'.")
    pairs = [list(pair) for pair in value.items()]
    return _sorted(run, pairs, reverse, case_sensitive, 0 if by == "key" else 1)


def _extreme(pick: Callable[..., Any]) -> Callable[..., Any]:
    def found(run: Run, value: Any, case_sensitive: bool = False, attribute: Any = None) -> Any:
        items = iterated(value)
        if not items:
            raise Undefined("the list is empty.")
        return pick(items, key=_key(attribute, case_sensitive))

    return found


def _end(place: int) -> Callable[..., Any]:
    def found(run: Run, value: Any) -> Any:
        items = iterated(value)
        if not items:
            raise Undefined("the list is empty.")
        return items[place]

    return found


def _unique(run: Run, value: Any, case_sensitive: bool = False, attribute: Any = None) -> list[Any]:
    seen, kept = set(), []
    for item in iterated(value):
        key = _key(attribute, case_sensitive)(item)
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def _batched(run: Run, value: Any, linecount: int, fill_with: Any = None) -> list[Any]:
    items = iterated(value)
    if linecount < 1:
        raise Fault("a batch holds at least 1.")
    run.charge(min(linecount, len(items)) if fill_with is None else linecount)
    made = [items[i : i + linecount] for i in range(0, len(items), linecount)]
    if made and fill_with is not None:
        made[-1] = made[-1] + [fill_with] * (linecount - len(made[-1]))
    return made


def _sliced(run: Run, value: Any, slices: int, fill_with: Any = None) -> list[Any]:
    items = iterated(value)
    if slices < 1:
        raise Fault("there is at least 1 slice.")
    run.charge(slices)
    size, longer = divmod(len(items), slices)
    made, start = [], 0
    for number in range(slices):
        end = start + size + (number < longer)
        more = [fill_with] if fill_with is not None and number >= longer and longer else []
        made.append(items[start:end] + more)
        start = end
    return made


def _joined(run: Run, value: Any, d: Any = "", attribute: Any = None) -> str:
    texts = [run.text(item if attribute is None else attribute_of(item, attribute)) for item in iterated(value)]
    between = run.text(d)
    run.charge_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _summed(run: Run, value: Any, attribute: Any = None, start: Any = 0) -> Any:
    for item in iterated(value):
        start = ARITHMETIC["Add"](run, start, item if attribute is None else attribute_of(item, attribute))
    return bounded(start)


def _length(run: Run, value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise Fault(f"{kind_of(value)} has no length.")
    return len(value)


def _items(run: Run, value: Any) -> list[Any]:
    if not isinstance(value, dict):
        raise Fault(f"it needs an object, and gets {kind_of(value)}.")
    return [list(pair) for pair in value.items()]


LIST_FILTERS: dict[str, Callable[..., Any]] = {
    "batch": _batched,
    "count": _length,
    "dictsort": _dictsorted,
    "first": _end(0),
    "items": _items,
    "join": _joined,
    "last": _end(-1),
    "length": _length,
    "list": lambda run, value: iterated(value),
    "max": _extreme(max),
    "min": _extreme(min),
    "reverse": lambda run, value: value[::-1] if isinstance(value, str) else iterated(value)[::-1],
    "slice": _sliced,
    "sort": _sorted,
    "sum": _summed,
    "unique": _unique,
}


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise Fault(f"it needs a whole number, and gets {kind_of(value)}.")
    return value


def _named(names: str, test: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    return dict.fromkeys(names.split(), test)


def _is(kinds: Any) -> Callable[..., bool]:
    return lambda run, value: isinstance(value, kinds)


TESTS: dict[str, Callable[..., Any]] = {
    **_named("eq equalto ==", COMPARISONS["eq"]),
    **_named("ne !=", COMPARISONS["ne"]),
    **_named("lt lessthan <", COMPARISONS["lt"]),
    **_named("le <=", COMPARISONS["lteq"]),
    **_named("gt greaterthan >", COMPARISONS["gt"]),
    **_named("ge >=", COMPARISONS["gteq"]),
    "in": COMPARISONS["in"],
    "boolean": _is(bool),
    "divisibleby": lambda run, value, by: _whole(value) % _whole(by) == 0,
    "even": lambda run, value: _whole(value) % 2 == 0,
    "false": lambda run, value: value is False,
    "float": _is(float),
    "integer": lambda run, value: isinstance(value, int) and not isinstance(value, bool),
    "iterable": _is((str, list, dict)),
    "lower": lambda run, value: shown(value).islower(),
    "mapping": _is(dict),
    "none": lambda run, value: value is None,
    "number": _is((int, float)),
    "odd": lambda run, value: _whole(value) % 2 == 1,
    "sequence": _is((str, list, dict)),
    "string": _is(str),
    "true": lambda run, value: value is True,
    "upper": lambda run, value: shown(value).isupper(),
}
"""`defined` and `undefined` are not among them: they do not evaluate what they ask about."""
