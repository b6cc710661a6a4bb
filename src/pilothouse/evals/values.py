"""JSON values read, written and compared. Nothing here raises for any value, however deep."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pilothouse.cases import Case

__all__ = ["NotJson", "accepted", "contains", "question", "read", "same", "written"]

_FENCE = "```"
_ASKED = ("question", "query", "prompt", "input", "text")


class NotJson(ValueError):
    """A text that is no JSON; the message says where it breaks."""


def read(text: str, *, fenced: bool = False) -> Any:
    """The value of a JSON text (RFC 8259: no NaN, no comments). Raises NotJson.

    With `fenced` the text may stand in one Markdown code fence, as many models write it.
    """
    text = text.strip()
    if fenced and text.startswith(_FENCE) and text.endswith(_FENCE) and "\n" in text:
        text = text.partition("\n")[2][: -len(_FENCE)]
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJson(str(error) if text else "it is empty") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None


def written(value: Any) -> str:
    """A value as text: a text as it is, anything else as JSON with sorted keys, None as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    except (TypeError, ValueError, RecursionError):  # keys of several types; a value that holds itself
        return f"<{type(value).__name__}>"


def question(case: Case) -> str:
    """What was asked: the input, its field of that name, or the last user message of a chat."""
    given = case.input
    if isinstance(given, dict):
        if isinstance(given.get("messages"), list):
            given = given["messages"]
        else:
            given = next((given[name] for name in _ASKED if isinstance(given.get(name), str)), given)
    if isinstance(given, list):
        asked = [m["content"] for m in given if isinstance(m, dict) and m.get("role") == "user" and "content" in m]
        given = asked[-1] if asked else given
    return written(given)


def accepted(case: Case) -> list[str]:
    """The outputs that are right: the text that is expected, or each of a list of them."""
    expected = case.expected
    if isinstance(expected, dict):
        expected = next((expected[name] for name in ("answers", "answer") if name in expected), expected)
    several = expected if isinstance(expected, list | tuple) else [expected]
    return [written(one) for one in several if one is not None]


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal: 1 is 1.0 and not true; the order of items matters."""
    return _compare(one, other, subset=False)


def contains(whole: Any, part: Any) -> bool:
    """Whether `whole` has everything that `part` has: of objects the keys, deeply; lists and the rest are the same."""
    return _compare(whole, part, subset=True)


def _compare(whole: Any, part: Any, *, subset: bool) -> bool:
    pairs = [(whole, part)]
    while pairs:
        one, other = pairs.pop()
        if isinstance(one, bool) or isinstance(other, bool):
            if one is not other:
                return False
        elif isinstance(one, Mapping) and isinstance(other, Mapping):
            if not (other.keys() <= one.keys() if subset else other.keys() == one.keys()):
                return False
            pairs += [(one[key], value) for key, value in other.items()]
        elif _is_list(one) and _is_list(other):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif one != other:
            return False
    return True


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
