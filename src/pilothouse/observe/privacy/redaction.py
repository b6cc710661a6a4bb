"""Replaces what a policy names in whatever a span holds: texts in nested values, by form and by patterns of one's own.

Knows nothing of where the policy comes from.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pilothouse.errors import ConfigError, MissingExtra
from pilothouse.observe.depth import DEEPEST, TOO_DEEP
from pilothouse.pii.finding import redactor

if TYPE_CHECKING:
    from regex import Pattern

__all__ = ["OwnPatterns", "Redaction"]

_FEWEST_DIGITS = 10**11  # of a number that may be a card's
_SECONDS = 0.05
_MOST_TIMEOUTS = 3


class OwnPatterns:
    """Regular expressions of one's own, by the name that stands for what they match. Searching a text may take 50 ms.

    A text that takes longer is not kept. After the third the patterns are not tried any more, and no text is kept.
    Raises ConfigError for a pattern that is none, MissingExtra where `regex`, which can stop a search, is not there.
    """

    def __init__(self, patterns: Mapping[str, str], where: str) -> None:
        try:
            import regex  # noqa: PLC0415 - an extra, wanted by few
        except ModuleNotFoundError:
            raise MissingExtra("The redaction by patterns", "redaction") from None
        self.timeouts = 0
        self._patterns: list[tuple[str, Pattern[str]]] = []
        for name, pattern in patterns.items():
            try:
                self._patterns.append((name, regex.compile(pattern, regex.VERSION0)))
            except regex.error as error:
                place = f"{where}.{name}"
                raise ConfigError(f"{place}: is no regular expression: {error}.", param=place) from None

    def __call__(self, text: str) -> str:
        if self.timeouts >= _MOST_TIMEOUTS:
            return "[not kept: a pattern of the redaction took too long]"
        until = time.perf_counter() + _SECONDS
        for name, pattern in self._patterns:
            try:
                word = f"[{name}]"
                text = pattern.sub(lambda _, word=word: word, text, timeout=max(0.001, until - time.perf_counter()))
            except TimeoutError:
                self.timeouts += 1
                return f"[not kept: the pattern '{name}' took too long]"
        return text


class Redaction:
    """Applies functions from text to text wherever there is a text. What it is given stays as it is."""

    def __init__(self, kinds: list[str], patterns: OwnPatterns | None) -> None:
        self._steps: list[Callable[[str], str]] = [redactor(kinds)] if kinds else []
        if patterns is not None:
            self._steps.append(patterns)

    def text(self, text: str) -> str:
        for step in self._steps:
            text = step(text)
        return text

    def value(self, value: Any, depth: int = 0) -> Any:
        """The same value with its texts redacted: of lists, of maps and their keys; and numbers as long as a card's."""
        if type(value) is str:
            return self.text(value) if value else value
        if value is None or type(value) is bool or type(value) is float:
            return value
        if isinstance(value, int):
            return value if abs(value) < _FEWEST_DIGITS else self._number(value)
        if depth >= DEEPEST and isinstance(value, dict | list | tuple):
            return TOO_DEEP
        if isinstance(value, dict):
            return self._map(value, depth)
        if isinstance(value, list | tuple):
            return [self.value(item, depth + 1) for item in value]
        return self.text(str(value) if isinstance(value, str) else repr(value))

    def _map(self, given: dict[Any, Any], depth: int) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, item in given.items():
            name = key if type(key) is not str or key.isidentifier() else self.text(key)
            while name in made:
                name = f"{name} "
            made[name] = self.value(item, depth + 1)
        return made

    def _number(self, number: int) -> int | str:
        written = str(number)
        said = self.text(written)
        return number if said == written else said
