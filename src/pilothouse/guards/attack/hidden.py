"""What a model reads and a person does not see: comments, unseen elements, characters that are not shown."""

import re
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action, Stage
from pilothouse.guards.normal.markup import hidden
from pilothouse.protocols import Guard, Subject

__all__ = ["HiddenText"]

_UNSEEN = re.compile(
    "(?P<tags>[\U000e0020-\U000e007e]{2,}\U000e007f?)|(?P<selectors>[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,})"
    "|(?P<zero>[\u200b\u2060-\u2064\ufeff\u00ad\u180e]{8,}|[\u200b-\u200f\u2060-\u2064\ufeff]{8,})"
    "|(?P<directions>[\u202d\u202e])"
)
_KINDS = {"tags": "tag characters", "selectors": "variation selectors", "zero": "zero-width characters",
          "directions": "overridden direction"}  # fmt: skip
_FLAG = "\U0001f3f4"  # a black flag and tags make the flags of England, Scotland and Wales


@dataclass(frozen=True, kw_only=True)
class HiddenText(Guard):
    """Triggers on text that a page would not show: HTML comments and elements with such styles, Unicode tags, runs of
    variation selectors or of eight and more characters without width, and turned directions of writing. Made for
    passages and for what tools bring; redacting takes it out."""

    stages: ClassVar[frozenset[Stage]] = frozenset(("input", "tool", "retrieval"))
    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "redact"

    comments: bool = True
    name: str = "hidden_text"

    async def check(self, subject: Subject) -> GuardResult:
        text = subject.text
        found = [
            Finding(kind, start, end, "") for kind, start, end in hidden(text) if self.comments or kind != "comment"
        ]
        if not text.isascii():
            found += [
                Finding(_KINDS[one.lastgroup or ""], *one.span(), "")
                for one in _UNSEEN.finditer(text)
                if not (one.lastgroup == "tags" and text[one.start() - 1 : one.start()] == _FLAG)
            ]
        if not found:
            return GuardResult.passed(self.name)
        kinds = sorted({one.kind for one in found})
        return GuardResult.triggered(
            self.name, f"The text holds what a reader does not see: {', '.join(kinds)}.", detail={"kinds": kinds},
            findings=tuple(sorted(found, key=lambda one: one.start)),
        )  # fmt: skip
