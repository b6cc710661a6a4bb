"""What the linter tells: a finding with its place and a suggested wording, and the rules that make them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pilothouse.prompts.lint.draft import Draft, Part, Spot

__all__ = ["SEVERITIES", "Finding", "Hit", "Rule", "Severity", "at", "whole"]

Severity = Literal["error", "warning", "advice"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The gravest first. An error breaks or leaks, a warning may, advice is what a good prompt would have."""


@dataclass(frozen=True, slots=True)
class Hit:
    """What a rule found, and where; `why` it matters here, `instead` a wording that would do."""

    spot: Spot
    text: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its `check`, which tells what it finds in a draft. Codes are `P` and three digits, the first of them
    its group: 1 practices, 2 variables, 3 safety, 4 cost."""

    code: str
    name: str
    severity: Severity
    check: Callable[[Draft], Iterable[Hit] | Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Finding:
    """`line` and `column` are from 1, in the file `name`; `offset` and `end` count characters of the message's own
    text. `message` is the index of the message, None in a text prompt."""

    code: str
    rule: str
    severity: Severity
    name: str
    message: int | None
    line: int
    column: int
    offset: int
    end: int
    text: str
    why: str
    instead: str

    @classmethod
    def of(cls, rule: Rule, draft: Draft, hit: Hit) -> "Finding":
        line, column = hit.spot.part.place(hit.spot.start)
        return cls(
            rule.code, rule.name, rule.severity, draft.name, hit.spot.part.index, line, column, hit.spot.start,
            hit.spot.end, hit.text, hit.why, hit.instead,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in self.__slots__}


def at(part: Part, start: int, end: int) -> Spot:
    """A place in a message."""
    return Spot(part, start, end)


def whole(draft: Draft) -> Spot:
    """The first line of the instructions: where what is missing altogether is told."""
    text = draft.main.text
    start = len(text) - len(text.lstrip())
    end = text.find("\n", start)
    return Spot(draft.main, start, len(text) if end < 0 else end)
