"""Whether an output has the form that it should have: not empty, one line, Markdown, JSON."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pilothouse.evals.options import refusal
from pilothouse.evals.rules.telling import told
from pilothouse.evals.shapes import Case, Evaluator, Models, Verdict
from pilothouse.evals.values import NotJson, read

__all__ = ["Element", "Format", "markdown_faults"]

Element = Literal["heading", "list", "numbered_list", "table", "code", "quote", "link", "bold"]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_DELIMITER = re.compile(r":?-+:?")
_ELEMENTS: dict[Element, re.Pattern[str]] = {
    "heading": re.compile(r" {0,3}#{1,6}\s+\S"),
    "list": re.compile(r"\s*[-*+]\s+\S"),
    "numbered_list": re.compile(r"\s*\d{1,9}[.)]\s+\S"),
    "quote": re.compile(r" {0,3}>"),
    "link": re.compile(r".*\[[^\[\]]+\]\([^()\s]+\)"),
    "bold": re.compile(r".*(?:\*\*\S|__\S)"),
}


@dataclass(frozen=True, kw_only=True)
class Format(Evaluator):
    """Passes an output of one `form`.

    `non_empty` has more than white space, `one_line` one line; `json` is one JSON value (RFC 8259), with `fenced` also
    in a code fence; `markdown` closes its code fences and has no row longer than the head of its table, and has each of
    `elements`. Every text is some Markdown, so without `elements` this finds breakage alone.
    """

    form: Literal["non_empty", "one_line", "markdown", "json"] = "non_empty"
    elements: tuple[Element, ...] = ()
    fenced: bool = False
    name: str = "format"

    def __post_init__(self) -> None:
        if self.elements and self.form != "markdown":
            raise refusal(self, "elements", f"are those of Markdown, and the form is '{self.form}'")
        if self.fenced and self.form != "json":
            raise refusal(self, "fenced", f"is for JSON, and the form is '{self.form}'")

    async def evaluate(self, case: Case, models: Models) -> Verdict:
        faults = list(self._faults(case.output))
        return told(self.name, not faults, " ".join(faults[:5]))

    def _faults(self, output: str) -> Iterator[str]:
        if not output.strip():
            yield "The output is empty."
        elif self.form == "one_line":
            lines = len(output.strip().splitlines())
            if lines != 1:
                yield f"The output has {lines} lines."
        elif self.form == "json":
            try:
                read(output, fenced=self.fenced)
            except NotJson as error:
                yield f"The output is no JSON: {error}."
        elif self.form == "markdown":
            yield from markdown_faults(output, self.elements)


def markdown_faults(text: str, elements: tuple[Element, ...] = ()) -> list[str]:
    """What is broken in a Markdown text (CommonMark's fences, GitHub's tables), and which elements it lacks."""
    lines = list(enumerate(text.splitlines(), 1))
    faults: list[str] = []
    outside: list[tuple[int, str]] = []
    seen: set[Element] = set()
    opened: tuple[int, str] | None = None
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        if opened is not None:
            if fence and fence[1].startswith(opened[1]) and not fence[2].strip():
                opened = None
        elif fence and not (fence[1][0] == "`" and "`" in fence[2]):
            opened = (number, fence[1])
            seen.add("code")
        else:
            outside.append((number, line))
            seen |= {element for element, pattern in _ELEMENTS.items() if pattern.match(line)}
    if opened is not None:
        faults.append(f"The code fence of line {opened[0]} is not closed.")
    heads, broken = _tables(outside)
    if heads:
        seen.add("table")
    faults += broken
    return faults + [f"It has no {element.replace('_', ' ')}." for element in elements if element not in seen]


def _tables(lines: list[tuple[int, str]]) -> tuple[int, list[str]]:
    """How many tables there are, and which of their rows are longer than their head."""
    tables, faults, columns = 0, [], 0
    for (_, before), (number, line) in zip([(0, ""), *lines], lines, strict=False):
        if "|" not in line:
            columns = 0
        elif columns:
            if (cells := len(_cells(line))) > columns:
                faults.append(f"Line {number} has {cells} cells in a table of {columns} columns.")
        elif (
            "|" in before and all(map(_DELIMITER.fullmatch, _cells(line))) and len(_cells(before)) == len(_cells(line))
        ):
            tables, columns = tables + 1, len(_cells(line))
    return tables, faults


def _cells(line: str) -> list[str]:
    line = line.replace("\\|", "").strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in line.split("|")]
