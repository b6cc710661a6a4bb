"""Rows of tables as lines to read away from their table: each figure with the name of its column.

A row arrives as text with its cells parted by ` | `, as the document loaders write it, or in Markdown's form.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Table", "column_names"]

Cells = Sequence[str]

_HEAD_LINES = 4
_LONGEST_LABEL = 120
_LONGEST_PERIOD = 48
_UNIT = re.compile(r"\(\$?\s?([^(),]*\b(?:millions|thousands|billions)\b)[^()]*\)", re.IGNORECASE)
_RULE = re.compile(r"[\s|:=-]+")

_PARTS = re.compile(r"\s+\|\s+|(?<=[\d)%])\s{2,}(?=[$€£¥(\d])")
_FIGURE = re.compile(r"(?:[$€£¥]\s*)?[(+-]?\s*(?:[$€£¥]\s*)?\d[\d,.\s]*\)?\s*(?:%|bps|pts?|x)?\s*\)?|[—–-]\s*%?")
_YEAR = re.compile(r"(?:FY\s?)?(?:19|20)\d\d")
_PERIOD = re.compile(
    r"\w+ (?:months?|weeks?|quarters?|years?) ended\b.*|as of .*|(?:fiscal )?(?:year|quarter)s?(?: ended .*| \d{4})?"
    r"|[a-z]{3,9}\.? \d{1,2},?(?: \d{4})?|(?:FY\s?)?(?:19|20)\d\d|Q[1-4](?: \d{4})?|[$%]|[$%]?\s?(?:change|variance)",
    re.IGNORECASE,
)
_FIGURE_IN_LABEL = re.compile(r"(.*[^\W\d_]\S*)\s+([$€£¥]\s?\(?\d[\d,.]*\)?)")
_UNCOUNTED = re.compile(r"percent|%|growth|\bmix\b|\brates?\b|ratio|\bshares?\b", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


@dataclass
class Table:
    """A table being read, line by line. `unit` is what its figures count, such as `in millions`."""

    unit: str = ""
    head: list[Cells] = field(default_factory=list)
    rows: int = 0
    group: str = ""
    _group_before: str = ""
    _label_begun: str = ""

    def row(self, line: str) -> str | None:
        """The row as a line to read; None for a line of the table's head, which names its columns."""
        cells = _cells_of(line)
        if _RULE.fullmatch(line):
            return None
        if _is_header(cells):
            self._add_head(cells)
            return None
        if not _is_figures(cells):
            if not self.head:
                self.head.append(cells)
                return None
            self.rows += 1
            return _text_row(cells, self.head[0])
        if self._label_begun and not cells[0][0].isupper():
            cells[0], self.group = f"{self._label_begun} {cells[0]}", self._group_before
        self._label_begun = ""
        self.rows += 1
        text = _figure_row(cells, self.head, self.group, self.unit)
        if cells[0].lower().startswith("total"):
            self.group = ""
        return text

    def between(self, line: str, after_blank: bool) -> bool:
        """Take a line without cells: of the head, a unit, a subheading, half a label. False: it belongs to no table."""
        if len(line) < _LONGEST_PERIOD and _PERIOD.fullmatch(line) and not line.endswith("."):
            self._add_head([line])
            return True
        if line.startswith("(") and line.endswith(")") and (self.head or _UNIT.search(line)):
            self.read_unit(line)
            return True
        if not self.head:
            return False
        ends = line.endswith(":")
        if len(line) > _LONGEST_LABEL or line.endswith((".", "!", "?")) or (after_blank and self.rows and not ends):
            return False
        self._group_before, self._label_begun, self.group = self.group, "" if ends else line, line.rstrip(":")
        return True

    def _add_head(self, cells: Cells) -> None:
        if self.rows:
            self.head, self.rows, self.group = [], 0, ""
        self.head = [*self.head, cells][-_HEAD_LINES:]

    def read_unit(self, text: str) -> None:
        unit = _UNIT.search(text)
        self.unit = unit[1].strip() if unit else self.unit


def _cells_of(line: str) -> list[str]:
    """The cells of a row, the outer bars of Markdown left out."""
    cells = [cell.strip() for cell in _PARTS.split(line.strip().removeprefix("|").removesuffix("|"))]
    squeezed = _FIGURE_IN_LABEL.fullmatch(cells[0])
    return [*squeezed.groups(), *cells[1:]] if squeezed and cells[0][0].isupper() else cells


def _is_figures(cells: Cells) -> bool:
    """Whether these are a label and its figures."""
    label, *values = cells
    numeric = bool(values) and all(_FIGURE.fullmatch(value) for value in values)
    has_digit = any(character.isdigit() for value in values for character in value)
    return numeric and has_digit and bool(_LETTER.search(label)) and not all(map(_YEAR.fullmatch, values))


def _is_header(cells: Cells) -> bool:
    """Whether these name columns by periods, years or changes."""
    return all(_PERIOD.fullmatch(cell) for cell in cells) or all(_YEAR.fullmatch(cell) for cell in cells[1:])


def column_names(header: Sequence[Cells], count: int) -> list[str]:
    """The names of `count` columns of figures, from the lines of a table's head, top down.

    A line with fewer cells spans: evenly, or over the columns named by a year where it has one cell for each of those.
    Names that do not tell the columns apart are left empty.
    """
    lines = [line[1:] if len(line) == count + 1 else line for line in header]
    full = next((line for line in reversed(lines) if len(line) == count), [])
    years = [at for at, cell in enumerate(full) if _YEAR.fullmatch(cell)]
    names: list[list[str]] = [[] for _ in range(count)]
    for line in lines:
        if len(line) == count:
            places = list(range(count))
        elif len(line) == len(years):
            places = years
        elif count % len(line) == 0:
            span = count // len(line)
            line = [cell for cell in line for _ in range(span)]
            places = list(range(count))
        else:
            continue
        for at, cell in zip(places, line, strict=True):
            names[at].append(cell)
    joined = [" ".join(parts) for parts in names]
    return joined if len(set(joined)) == count else [""] * count


def _figure_row(cells: Cells, header: Sequence[Cells], group: str, unit: str) -> str:
    """`Net sales, Products: $60,584 (Three Months Ended July 1, 2023), ..., in millions`."""
    label, *values = cells
    names = column_names(header, len(values))
    shown = [f"{_tidy(value)} ({name})" if name else _tidy(value) for value, name in zip(values, names, strict=True)]
    label = _label(label, group)
    counted = unit and not _UNCOUNTED.search(label) and not any("%" in value or "." in value for value in values)
    return f"{label}: {', '.join(shown)}{f', {unit}' if counted else ''}"


def _text_row(cells: Cells, header: Cells) -> str:
    """`upstream client (choice: aiohttp; why: httpx costs 14 times the CPU)`, or `port: 8484` for two columns."""
    label, *rest = cells
    if len(cells) == 2:
        return f"{label}: {rest[0]}"
    names = header[1:] if len(header) == len(cells) else [""] * len(rest)
    shown = "; ".join(f"{name}: {cell}" if name else cell for name, cell in zip(names, rest, strict=True) if cell)
    return f"{label} ({shown})" if label and shown else label or shown


def _label(label: str, group: str) -> str:
    label = label.rstrip(":")
    redundant = not group or label.lower().startswith("total") or group.lower() in label.lower()
    return label if redundant else f"{group}, {label}"


def _tidy(value: str) -> str:
    return re.sub(r"(?<=[$€£¥])\s+|\s+(?=[%)])", "", value)
