"""Regular expressions whose compiling and searching ends, and the evaluator over one."""

import asyncio
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pilothouse.errors import MissingExtra
from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict

if TYPE_CHECKING:
    import regex

__all__ = ["BoundedPattern", "Regex", "unrolled"]

_MOST_UNROLLED = 100_000  # parts; 10^6 take 0.3 s and 300 MB to compile, 10^9 the machine
_ITEM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(|\)|\{(\d*)(?:,\d*)?\}|.", re.DOTALL)


class BoundedPattern:
    """A regular expression in the syntax of the `regex` package. Raises ValueError for what is none or would fill the
    memory, MissingExtra without that package."""

    def __init__(self, pattern: str, *, ignore_case: bool = False) -> None:
        try:
            import regex  # noqa: PLC0415 - an extra; unlike `re` it can be stopped
        except ModuleNotFoundError:
            raise MissingExtra("Searching by patterns of one's own", "evals") from None
        if unrolled(pattern) > _MOST_UNROLLED:
            raise ValueError("repeats too much: its counted repeats make more than 100,000 parts")
        try:
            self._pattern: regex.Pattern[str] = regex.compile(
                pattern, regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
            )
        except (regex.error, RecursionError, OverflowError) as error:
            raise ValueError(f"is no regular expression: {error}") from None

    def search(self, text: str, seconds: float) -> "regex.Match[str] | None":
        """The first match. Raises TimeoutError after about so many seconds; other threads go on meanwhile."""
        return self._pattern.search(text, timeout=seconds, concurrent=True)


def unrolled(pattern: str) -> int:
    """How many parts a pattern has once its counted repeats are written out, the least number of each."""
    sizes, last = [0], 0
    for item in _ITEM.finditer(pattern):
        if item[0] == "(":
            sizes.append(0)
            last = 0
        elif item[0] == ")" and len(sizes) > 1:
            last = sizes.pop()
            sizes[-1] += last
        elif item[1] is not None:
            more = last * (max(1, int(item[1][:9] or 1)) - 1)
            sizes[-1] += more
            last += more
        else:
            last = 1
            sizes[-1] += 1
        if sizes[-1] > _MOST_UNROLLED:
            break
    return sum(sizes)


@dataclass(frozen=True, kw_only=True)
class Regex(Evaluator):
    """Passes an output in which `pattern` matches: somewhere, as a `whole`, or nowhere (`never`).

    The syntax is that of the `regex` package. A search that takes longer than `timeout_s` makes the verdict `failed`.
    """

    pattern: str
    match: Literal["somewhere", "whole", "never"] = "somewhere"
    ignore_case: bool = False
    timeout_s: float = 1.0
    name: str = "regex"

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= 60:
            raise refusal(self, "timeout_s", "is a time in seconds above 0, at most 60")
        try:
            _ = self._compiled
        except ValueError as error:
            raise refusal(self, "pattern", str(error)) from None

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        try:
            found = await asyncio.to_thread(self._compiled.search, case.output, self.timeout_s)
        except TimeoutError:
            return Verdict.failed(self.name, f"The pattern was not done with the output within {self.timeout_s:g} s.")
        if self.match == "never":
            return told(self.name, found is None, f"The pattern matches '{_cut(found[0] if found else '')}'.")
        return told(self.name, found is not None, "The pattern does not match.")

    @cached_property
    def _compiled(self) -> BoundedPattern:
        pattern = rf"\A(?:{self.pattern})\Z" if self.match == "whole" else self.pattern
        return BoundedPattern(pattern, ignore_case=self.ignore_case)


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
