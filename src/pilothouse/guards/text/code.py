"""Programs within a text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from pilothouse.errors import ConfigError
from pilothouse.guarded import Finding, GuardResult
from pilothouse.guarding import Action
from pilothouse.protocols import Guard, Subject

__all__ = ["Code"]

_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
_LIKE_CODE = re.compile(
    r"""[ \t]*(?:
        (?:def|class|import|from|async|elif|except|lambda|raise|with|assert)\b[^.?!]*(?:[:(,]|\bimport\b.*|\\)\s*$ |
        (?:if|for|while|else|try|finally)\b[^.?!]*[:{]\s*$ |
        (?:import|from|using|package|include|require)\s+[\w.*{}'"<>/]+;?\s*$ |
        (?:return|yield|break|continue|pass)\b[^.?!,]{0,80};?\s*$ |
        [)\]}]+[;,]?\s*$ | .*[;{}]\s*$ | .*\S=>.* | .*\S\s=>\s.* |
        (?:public|private|protected|static|const|let|var|final|int|void|func|fn|function|struct|enum|interface|type|export)
            \s+\w+[^.?!]*[=({<].* |
        \#\s*(?:include|define|ifdef|pragma)\b.* |
        (?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE\s+TABLE|ALTER\s+TABLE|DROP\s+TABLE)\b.* |
        [A-Za-z_][\w.\[\]"']{0,60}\s*(?:[-+*/|&]?=|:=)\s*[\w({\["'.-].* | @\w[\w.]*(?:\(.*)?\s*$ |
        [A-Za-z_][\w.]{0,60}\([^)]{0,200}\)\s*[;:{,)]*\s*$ | </?[a-zA-Z][\w-]*(?:\s[^<>]{0,300})?/?>.*
    )""",
    re.VERBOSE,
)  # fmt: skip
_LONGEST = 400  # characters of a line that are looked at


@dataclass(frozen=True, kw_only=True)
class Code(Guard):
    """Triggers on a fenced block, and on `lines` lines that look like code with hardly any other line between them. Of
    the common languages, by the form of their lines; says nothing of code within a sentence."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "window"
    action: ClassVar[Action] = "block"

    lines: int = 3
    name: str = "code"

    def __post_init__(self) -> None:
        if self.lines < 1:
            raise ConfigError(f"{self.name}.lines: must be at least 1.", param=f"{self.name}.lines")

    async def check(self, subject: Subject) -> GuardResult:
        found = tuple(Finding("code", start, end) for start, end in _blocks(subject.text, self.lines))
        if not found:
            return GuardResult.passed(self.name)
        return GuardResult.triggered(
            self.name, f"The text holds {len(found)} pieces of code.", findings=found,
            correction="Answer without code.",
        )  # fmt: skip


def _blocks(text: str, least: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each block; one other line may stand between two that look like code."""
    start, end, count, others, fenced = -1, 0, 0, 0, False
    for line_start, line_end in _lines(text):
        line = text[line_start : min(line_end, line_start + _LONGEST)]
        fence = _FENCE.match(line) is not None
        if fence and not fenced and count < least:
            start, count = line_start, 0
        fenced = fenced != fence
        if fence or fenced or _LIKE_CODE.match(line):
            start = line_start if start < 0 else start
            end, others, count = line_end, 0, least if fence else count + 1
        elif line.strip() and start >= 0:
            others += 1
            if others > 1:
                if count >= least:
                    yield start, end
                start, count, others = -1, 0, 0
    if start >= 0 and count >= least:
        yield start, end


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        yield at, end
        at = end + 1
