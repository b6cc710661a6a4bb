"""What is wrong with the form of an answer, said for people and for the model that is to mend it; and what came of it.

Knows nothing of any form.
"""

import json
from collections.abc import Sequence
from typing import Any, Literal, Protocol

import msgspec

from pilothouse.guarded import GuardResult
from pilothouse.types import Json

__all__ = ["MOST_TOLD", "Form", "Formed", "Mend", "Problem", "pointer", "result_of", "shown"]

MOST_TOLD = 10
"""Problems that are told of one answer."""
_SHOWN = 120  # characters of a value

Mend = Literal["extracted", "syntax", "closed", "cut", "values", "duplicates", "characters"]
"""What was done to an answer: taken out of other text, its syntax put right, brackets closed at its end, what was lost
where it was cut off left out, values of another type that say the same, of keys that stood twice the last taken,
characters that no text may hold replaced."""


class Problem(msgspec.Struct, frozen=True):
    """`pointer` says where in the answer (JSON pointer, RFC 6901; a path of elements in XML); `rule` which rule is not
    kept, `expected` and `got` in words. `got` quotes the answer, the others only what asked for the form."""

    pointer: str
    rule: str
    expected: str
    got: str = ""

    def __str__(self) -> str:
        came = f", but it is {self.got}" if self.got else ""
        return f"{self.pointer or 'the answer'}: expected {self.expected}{came}"


class Formed(msgspec.Struct, frozen=True):
    """An answer that was read: its `value`, or the `problems` for which there is none. `text` is the answer in its
    form, as it came where nothing had to be mended."""

    value: Any
    text: str
    problems: tuple[Problem, ...] = ()
    mended: tuple[Mend, ...] = ()


class Form(Protocol):
    """What an answer is to look like."""

    schema: Json | None
    """A JSON Schema that says the same, where there is one."""

    def read(self, text: str, *, mend: bool = True) -> Formed:
        """Raises nothing for any text. What is broken takes some milliseconds for 10,000 characters."""
        ...


def shown(value: Any) -> str:
    """A value of an answer as JSON, cut."""
    if isinstance(value, dict | list) and len(value) > 20:
        return "an object" if isinstance(value, dict) else f"a list of {len(value):,} items"
    try:
        text = json.dumps(value, ensure_ascii=False, default=lambda one: type(one).__name__)
    except (ValueError, RecursionError, TypeError):
        return f"a {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def pointer(path: Sequence[str | int]) -> str:
    """The JSON pointer of a path (RFC 6901)."""
    return "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in path)


def result_of(name: str, formed: Formed) -> GuardResult:
    """What a guard says of an answer. Its reason names rules, never what the answer says."""
    if not formed.problems and not formed.mended:
        return GuardResult.passed(name)
    if not formed.problems:
        done = ", ".join(formed.mended)
        return GuardResult.triggered(
            name, f"The answer was not in its form and could be mended ({done}).", repaired=formed.text,
            correction="Answer in the form that was asked for, with nothing before or after it.",
            detail={"mended": [*formed.mended]},
        )  # fmt: skip
    rules = ", ".join(dict.fromkeys(one.rule for one in formed.problems))
    number = len(formed.problems)
    told = "\n".join(f"- {one}" for one in formed.problems)
    return GuardResult.triggered(
        name, f"The answer is not in its form: {number} problem{'s' if number > 1 else ''} ({rules}).",
        correction=f"It is not in the form that was asked for:\n{told}\n",
        detail={"problems": [msgspec.to_builtins(one) for one in formed.problems], "mended": [*formed.mended]},
    )  # fmt: skip
