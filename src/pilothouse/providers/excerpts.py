"""Cuts a passage into what an answer can quote: sentences, list items, lines of code, rows of tables.

A row is written out with the names of its columns, so that it can be read away from its table. Reads plain text as the
document loaders give it, from PDF, HTML, DOCX and Markdown. Knows nothing of questions or scores.
"""

import re
from typing import Literal, NamedTuple

from pilothouse.passages import Passage
from pilothouse.providers.tables import Table

__all__ = ["Excerpt", "excerpts"]

_MAX_CHARACTERS = 480
_MAX_LEAD = 160
_GROUP_WORDS = 8
_BULLET = re.compile(r"\s*(?:[-*+•‣▪]|\d{1,3}[.)]|\([a-z0-9]{1,3}\))\s+")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])([\"”’')\]*]*)\s+(?=[\"“‘'(\[*]*[A-Z0-9`\u0080-\uffff])")
_NO_END = re.compile(r"(?:\b(?:Inc|Corp|Co|Ltd|Nos?|Mrs?|Ms|Dr|St|vs|e\.g|i\.e|cf|Fig|Sec|Art|U\.S|[A-Z])|^\d+)\.$")
_FOOTER = re.compile(
    r"(?:[^|]*[a-z]{2}[^|]*\|[^|]*[a-z]{2}[^|]*\|\s*)?(?:page\s+)?\d{1,4}(?:\s*(?:/|of)\s*\d{1,4})?|table of contents",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_LOOSE = re.compile(r"(?<=\w) (?=[,;.](?:\s|$))")
_WIDE_GAP = re.compile(r"\s{3,}")
_TERMINAL = (".", "!", "?", ":", ";", ",", "。", "！", "？")


class Excerpt(NamedTuple):
    """A piece that can stand in an answer. `context` (headings, lead, caption) helps to find it and is not shown.

    `passage` is the number of its passage. Excerpts come in reading order.
    """

    passage: int
    kind: Literal["prose", "row", "code"]
    text: str
    context: str


def excerpts(passage: Passage) -> list[Excerpt]:
    """The excerpts of a passage, in reading order."""
    reader = _Reader(passage)
    fenced = False
    lines = passage.text.strip().split("\n")
    edges = (0, len(lines) - 1)
    for at, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
            reader.end_paragraph()
        elif not bare:
            reader.blank()
        elif at in edges and _FOOTER.fullmatch(bare):
            continue
        elif fenced or (line.startswith(("    ", "\t")) and not _BULLET.match(line) and not reader.paragraph):
            reader.code(bare)
        elif bare.startswith("|") or " | " in bare:
            reader.row(bare)
        else:
            reader.line(bare, lines[at + 1].strip() if at < edges[1] else "")
    reader.end_paragraph()
    return reader.found


class _Reader:
    """Takes a passage line by line. A `lead` is a sentence that ends in a colon: what follows it hangs on it."""

    def __init__(self, passage: Passage) -> None:
        self.found: list[Excerpt] = []
        self.paragraph: list[str] = []
        self._number = passage.number
        self._width = max((len(line) for line in passage.text.split("\n") if " | " not in line), default=0)
        self._heading = self._lead = ""
        self._table = Table()
        self._after_blank = False

    def blank(self) -> None:
        self.end_paragraph()
        self._table.group = ""
        self._after_blank = True

    def line(self, line: str, following: str) -> None:
        """A line of text: part of a paragraph, a list item, a heading, or something between the rows of a table."""
        if self.paragraph and self.paragraph[-1].endswith(":"):
            self.end_paragraph()
        if not self.paragraph and self._table.between(line, self._after_blank):
            return
        if line.startswith("#") or self._is_heading(line, following):
            self.end_paragraph()
            self._heading, self._lead, self._table = line.strip("# "), "", Table()
        else:
            if _BULLET.match(line):
                self.end_paragraph()
            self.paragraph.append(line)
        self._after_blank = False

    def row(self, line: str) -> None:
        self.end_paragraph()
        text = self._table.row(line)
        if text is not None:
            self._add("row", text)
        self._after_blank = False

    def code(self, line: str) -> None:
        self.end_paragraph()
        if sum(character.isalpha() for character in line) > 3:
            line = _WIDE_GAP.sub("  ", line)
            self._add("code", line if "`" in line else f"`{line}`")

    def end_paragraph(self) -> None:
        if not self.paragraph:
            return
        text = _LOOSE.sub("", " ".join(self.paragraph))
        self.paragraph = []
        item = _BULLET.match(text)
        for sentence in _sentences(text[item.end() :] if item else text):
            if sentence.endswith(":"):
                short = len(sentence.split()) <= _GROUP_WORDS
                self._lead, self._table = sentence, Table(group=sentence.rstrip(":") if short else "")
                self._table.read_unit(sentence)
            elif len(_WORD.findall(sentence)) > 2:
                if not item:
                    self._lead, self._table = "", Table()
                self._add("prose", _shortened(sentence))

    def _is_heading(self, line: str, following: str) -> bool:
        short = len(line) < 0.6 * self._width and len(line.split()) <= 12
        alone = not self.paragraph or self.paragraph[-1].endswith((".", "!", "?", ":"))
        ends = not line.endswith(_TERMINAL) and not following.partition(" ")[0].islower()
        return short and alone and ends and not line.islower() and not _BULLET.match(line)

    def _add(self, kind: Literal["prose", "row", "code"], text: str) -> None:
        context = " ".join(part for part in (self._heading, self._lead[-_MAX_LEAD:]) if part)
        self.found.append(Excerpt(self._number, kind, text, context))


def _sentences(text: str) -> list[str]:
    """The sentences of a paragraph; an abbreviation's full stop ends none."""
    parts = _SENTENCE_END.split(text)
    sentences = [""]
    for body, closers in zip(parts[::2], [*parts[1::2], ""], strict=True):
        joined = f"{sentences[-1]} {body}{closers}".strip()
        if _NO_END.search(joined):
            sentences[-1] = joined
        else:
            sentences[-1:] = [joined, ""]
    return [sentence for sentence in sentences if sentence]


def _shortened(sentence: str) -> str:
    if len(sentence) <= _MAX_CHARACTERS:
        return sentence
    return sentence[:_MAX_CHARACTERS].rsplit(" ", 1)[0].rstrip(",;: ") + " ..."
