"""The filters of a Jinja template over texts, numbers and what holds them, and the methods of texts and objects.

Each is a plain function over plain data; `jinja.py` charges what goes in and comes out. Those that could make more
than they are given charge it before, by `run`. Where Jinja's own differ, docs/prompt-templates.md says so.
"""

import re
from collections.abc import Callable
from html import escape
from typing import Any

from pilothouse.prompts.templates.operators import bounded, joined
from pilothouse.prompts.templates.run import Fault, Run
from pilothouse.prompts.templates.values import as_json, kind_of

__all__ = ["METHODS", "TEXT_FILTERS", "replaced", "sought", "text_given"]

_WORD = re.compile(r"\w+")
_WIDEST = 1_000


def text_given(value: Any) -> str:
    """A text, or Fault."""
    if isinstance(value, str):
        return value
    raise Fault(f"it needs a text, and gets {kind_of(value)}.")


def sought(run: Run, text: str, part: Any) -> str:
    """Charges a search, which in the worst case compares each place with much of `part`; gives the part."""
    wanted: str = text_given(part)
    run.charge(1 + len(text) * min(len(wanted), 100) // 4096)
    return wanted


def _stripped(strip: Callable[[str, str | None], str]) -> Callable[..., str]:
    def stripped(run: Run, text: Any, chars: str | None = None) -> str:
        if chars is not None and len(text_given(chars)) > 256:
            raise Fault("at most 256 characters are stripped.")
        return strip(run.text(text), chars)

    return stripped


def replaced(run: Run, text: Any, old: Any, new: Any, count: int = -1) -> str:
    """Bounded before it is made: a text of one letter replaced by long ones grows."""
    given, part, other = run.text(text), run.text(old), run.text(new)
    sought(run, given, part)
    times = given.count(part) if count < 0 else min(given.count(part), count)
    run.charge_text(len(given) + max(0, len(other) - len(part)) * times)
    return given.replace(part, other, count)


def _indented(run: Run, text: Any, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
    if isinstance(width, int) and not 0 <= width <= _WIDEST:
        raise Fault(f"the width is from 0 to {_WIDEST:,}.")
    given = text_given(text)
    pad = width if isinstance(width, str) else " " * width
    lines = (given + "\n").splitlines()
    run.charge_text(len(given) + len(pad) * len(lines))
    made = [line if number == 0 or not (line or blank) else pad + line for number, line in enumerate(lines)]
    return (pad if first else "") + "\n".join(made)


def _truncated(
    run: Run, text: Any, length: int = 255, killwords: bool = False, end: str = "...", leeway: int = 5
) -> str:
    given = text_given(text)
    if length < len(end) or leeway < 0:
        raise Fault(f"the length is at least that of '{end}', the leeway at least 0.")
    if len(given) <= length + leeway:
        return given
    cut = given[: length - len(end)]
    return joined(run, [cut if killwords else cut.rsplit(" ", 1)[0], end])


def _rounded(run: Run, value: Any, precision: int = 0, method: str = "common") -> float:
    if method != "common" or not -20 <= precision <= 20:
        raise Fault("the precision is from -20 to 20 and the method 'common'.")
    return round(float(value), precision) if precision > 0 else float(round(value, precision))


def _whole(run: Run, value: Any, default: int = 0, base: int = 10) -> Any:
    try:
        return bounded(int(value, base) if isinstance(value, str) else int(value))
    except (TypeError, ValueError, OverflowError):
        try:
            return bounded(int(float(value)))
        except (TypeError, ValueError, OverflowError):
            return default


def _decimal(run: Run, value: Any, default: float = 0.0) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return default


def _json(run: Run, value: Any, indent: int | None = None) -> str:
    if indent is not None and not 0 <= indent <= 16:
        raise Fault("the indent is from 0 to 16.")
    run.charge_text(run.measure(value)[1])
    return as_json(value, indent)


def _plain(apply: Callable[[str], Any]) -> Callable[..., Any]:
    return lambda run, value: apply(run.text(value))


def _words(run: Run, text: str) -> int:
    run.charge(len(text) // 16)
    return len(_WORD.findall(text))


def _titled(run: Run, value: Any) -> str:
    text = run.text(value)
    run.charge(len(text) // 16)
    words = re.split(r"([-\s({\[<]+)", text)
    return "".join(word[0].upper() + word[1:].lower() for word in words if word)


TEXT_FILTERS: dict[str, Callable[..., Any]] = {
    "abs": lambda run, value: abs(value),
    "capitalize": _plain(str.capitalize),
    "e": _plain(lambda text: escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")),
    "escape": _plain(lambda text: escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")),
    "float": _decimal,
    "indent": _indented,
    "int": _whole,
    "lower": _plain(str.lower),
    "replace": replaced,
    "round": _rounded,
    "string": lambda run, value: run.text(value),
    "title": _titled,
    "tojson": _json,
    "trim": _stripped(str.strip),
    "truncate": _truncated,
    "upper": _plain(str.upper),
    "wordcount": lambda run, value: _words(run, text_given(value)),
}


def _split(run: Run, text: str, sep: str | None = None, maxsplit: int = -1) -> list[str]:
    run.charge(len(text) // 4)
    if sep is not None:
        sought(run, text, sep)
    return text.split(sep, maxsplit)


def _joined(run: Run, sep: str, items: Any) -> str:
    if not isinstance(items, list):
        raise Fault(f"it needs a list, and gets {kind_of(items)}.")
    texts = [text_given(item) for item in items]
    run.charge_text(sum(map(len, texts)) + len(sep) * len(texts))
    return sep.join(texts)


_OF_TEXTS: dict[str, Callable[..., Any]] = {
    "capitalize": lambda run, text: text.capitalize(),
    "count": lambda run, text, part: text.count(sought(run, text, part)),
    "endswith": lambda run, text, part: text.endswith(sought(run, text, part)),
    "find": lambda run, text, part: text.find(sought(run, text, part)),
    "isdigit": lambda run, text: text.isdigit(),
    "join": _joined,
    "lower": lambda run, text: text.lower(),
    "lstrip": _stripped(str.lstrip),
    "removeprefix": lambda run, text, part: text.removeprefix(part),
    "removesuffix": lambda run, text, part: text.removesuffix(part),
    "replace": replaced,
    "rstrip": _stripped(str.rstrip),
    "split": _split,
    "splitlines": lambda run, text: _lines(run, text),
    "startswith": lambda run, text, part: text.startswith(sought(run, text, part)),
    "strip": _stripped(str.strip),
    "title": lambda run, text: text.title(),
    "upper": lambda run, text: text.upper(),
}


def _lines(run: Run, text: str) -> list[str]:
    run.charge(text.count("\n"))
    return text.splitlines()


_OF_OBJECTS: dict[str, Callable[..., Any]] = {
    "get": lambda run, held, key, default=None: held.get(key, default),
    "items": lambda run, held: [list(pair) for pair in held.items()],
    "keys": lambda run, held: list(held),
    "values": lambda run, held: list(held.values()),
}

METHODS: dict[str, dict[type, Callable[..., Any]]] = {
    name: {kind: table[name] for kind, table in ((str, _OF_TEXTS), (dict, _OF_OBJECTS)) if name in table}
    for name in sorted({*_OF_TEXTS, *_OF_OBJECTS})
}
"""By name, and by the type of what they are called on. None changes what it is called on."""
