"""Whether a text matches a pattern, in time that grows with its length alone."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import jsonschema_rs

from pilothouse.errors import ConfigError
from pilothouse.guarded import GuardResult
from pilothouse.guarding import Action
from pilothouse.guards.form.problems import Formed, Problem, result_of
from pilothouse.protocols import Guard, Subject
from pilothouse.types import Json

__all__ = ["PatternForm", "Regex"]

_LONE = re.compile("[\ud800-\udfff]")


class PatternForm:
    """A text in which a pattern matches: `somewhere`, as a `whole`, or nowhere (`never`). The value is the text.

    The syntax is that of Rust's regex crate, which has no look-around and no back-references, and whose time is linear.
    Raises ValueError for what is no such pattern.
    """

    schema: Json | None = None

    def __init__(self, pattern: str, match: Literal["somewhere", "whole", "never"] = "somewhere") -> None:
        self._pattern, self._match = pattern, match
        self._matches = _compiled(pattern)
        self._whole = _compiled(rf"\A(?:{pattern})\z") if match == "whole" else None

    def read(self, text: str, *, mend: bool = True) -> Formed:
        if self._found(text):
            return Formed(text, text)
        if mend and self._match == "whole" and (bare := _bare(text)) != text and self._found(bare):
            return Formed(bare, bare, (), ("extracted",))
        how = {"whole": "as a whole", "somewhere": "somewhere", "never": "nowhere"}[self._match]
        return Formed(None, text, (Problem("", "pattern", f"a text that matches the pattern {self._pattern} {how}"),))

    def _found(self, text: str) -> bool:
        plain = _LONE.sub("\ufffd", text)
        matches: bool = (self._whole or self._matches).is_valid(plain)
        return matches is not (self._match == "never")


@dataclass(frozen=True, kw_only=True)
class Regex(Guard):
    """Triggers where `pattern` does not match: `somewhere` in the text, as a `whole`, or where it does and should
    `never`. With `repair` the spaces, quotes and the code fence around a text that should match as a whole are left
    out. The syntax is that of Rust's regex crate."""

    reads: ClassVar[Literal["ahead", "window", "whole"]] = "whole"
    action: ClassVar[Action] = "block"

    pattern: str
    match: Literal["somewhere", "whole", "never"] = "somewhere"
    repair: bool = True
    name: str = "regex"

    def __post_init__(self) -> None:
        try:
            _ = self._form
        except ValueError as error:
            raise ConfigError(f"{self.name}.pattern: {error}", param=f"{self.name}.pattern") from None

    async def check(self, subject: Subject) -> GuardResult:
        return result_of(self.name, self._form.read(subject.text, mend=self.repair))

    @cached_property
    def _form(self) -> PatternForm:
        return PatternForm(self.pattern, self.match)


def _compiled(pattern: str) -> Any:
    try:
        options = jsonschema_rs.RegexOptions(size_limit=2_000_000)
        return jsonschema_rs.validator_for({"type": "string", "pattern": pattern}, pattern_options=options)
    except (ValueError, TypeError, RecursionError):
        raise ValueError(
            "is no pattern of linear time: it is not well formed, too large, or looks around or back."
        ) from None


def _bare(text: str) -> str:
    """Without a code fence, spaces and quotes around it."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text.partition("\n")[2][:-3].strip()
    for mark in ('"', "'", "`"):
        if len(text) > 1 and text[0] == text[-1] == mark:
            return text[1:-1].strip()
    return text
