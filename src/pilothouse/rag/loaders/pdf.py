"""PDF: one section per page. Text is put back into lines by position, so that the rows of a table stay rows.

PDFium gives characters in the order in which the file draws them, which is the reading order of nearly all files.
Runs of characters that stand on one line are joined from left to right; a wide gap becomes ` | `. Pages without
text (scans) are noted in the metadata, not read.
"""

import ctypes
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilothouse.errors import DocumentError
from pilothouse.types import Document, Section

__all__ = ["PdfLoader"]

# In line heights. The gap between the words of justified text stays below the first; the distance between the
# lines of one paragraph stays below the second.
_CELL_GAP = 1.5
_PARAGRAPH_GAP = 0.9
_ROWS_BACK = 4  # cells of a table's head are drawn one after the other, each with its own lines
_OPEN = re.compile("\ufffe")
_SOFT_HYPHENS = dict.fromkeys((0x02, 0xFFFE), "\u00ad")  # PDFium's marks of a word that is parted at a line's end
_PIECE = re.compile(r"(?P<line_end>[\r\n]+)|(?P<space>[\s\0]+)|(?P<word>[^\s\0]+)")
_SIGN_BEFORE = re.compile(r"([$€£¥]) \| (?=[\d(—-])")
_SIGN_AFTER = re.compile(r"(?<=\d) \| ?([)%])")
_FIGURES_TOUCH = re.compile(r"(?<=[\d)%—]) (?=[$€£¥] )")
_SERIAL = re.compile(r"[\d\W_]*")


class PdfLoader:
    """A section per page, under the bookmarks of the file where it has them."""

    suffixes: tuple[str, ...] = (".pdf",)

    def load(self, path: Path, source: str) -> Document:
        import pypdfium2  # noqa: PLC0415

        try:
            pdf = pypdfium2.PdfDocument(path)
        except FileNotFoundError as error:
            raise DocumentError("cannot be read: no such file.", source=source) from error
        except pypdfium2.PdfiumError as error:
            if b"/Encrypt" in path.read_bytes():  # the reason that PDFium gives may be that of an earlier file
                raise DocumentError("is encrypted and needs a password.", source=source) from error
            raise DocumentError("is not a readable PDF file, or has no pages.", source=source) from error
        try:
            return _document(pdf, path, source)
        finally:
            pdf.close()


def _document(pdf: Any, path: Path, source: str) -> Document:
    from pypdfium2 import PdfiumError  # noqa: PLC0415

    info = pdf.get_metadata_dict(skip_empty=True)
    headings = _headings(pdf)
    sections, without_text, damaged = [], [], []
    for number in range(1, len(pdf) + 1):
        try:
            text = _page_text(pdf[number - 1])
        except PdfiumError:
            damaged.append(number)
            continue
        if text:
            sections.append(Section(text, page=number, headings=headings.get(number, ())))
        else:
            without_text.append(number)
    metadata: dict[str, Any] = {"pages": len(pdf)}
    metadata |= {name.lower(): info[name] for name in ("Author", "Subject", "CreationDate") if name in info}
    metadata |= {"pages_without_text": without_text} if without_text else {}
    metadata |= {"pages_damaged": damaged} if damaged else {}
    if len(damaged) == len(pdf):
        raise DocumentError("is damaged: none of its pages can be read.", source=source)
    title = info.get("Title", "")
    return Document(source, path.stem if _SERIAL.fullmatch(title) else title, sections, metadata)


def _headings(pdf: Any) -> dict[int, tuple[str, ...]]:
    """For each page, the path of bookmarks that is open at its top (or the first one that starts on it)."""
    starts: dict[int, tuple[str, ...]] = {}
    path: list[str] = []
    for bookmark in pdf.get_toc():
        target = bookmark.get_dest()
        index = target.get_index() if target is not None else None
        path = [*path[: bookmark.level], " ".join(bookmark.get_title().split())]
        if index is not None:
            starts.setdefault(index + 1, tuple(path))
    headings: dict[int, tuple[str, ...]] = {}
    current: tuple[str, ...] = ()
    for number in range(1, len(pdf) + 1):
        current = starts.get(number, current)
        headings[number] = current
    return headings


@dataclass(slots=True)
class _Run:
    """Words drawn one after the other on one line. Coordinates are PDF points, y grows upward."""

    text: str
    left: float
    right: float
    bottom: float
    top: float

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def shares_line(self, other: "_Run") -> bool:
        overlap = min(self.top, other.top) - max(self.bottom, other.bottom)
        return overlap > 0.5 * min(self.height, other.height)

    def take(self, word: "_Run") -> None:
        """Add the next word of the same line."""
        self.text += word.text
        self.right = max(self.right, word.right)
        self.bottom, self.top = min(self.bottom, word.bottom), max(self.top, word.top)

    def extend(self, other: "_Run") -> None:
        wide = other.left - self.right > _CELL_GAP * max(self.height, other.height)
        self.text = f"{self.text.rstrip()} | {other.text.lstrip()}" if wide else f"{self.text} {other.text.lstrip()}"
        self.right = other.right
        self.bottom, self.top = min(self.bottom, other.bottom), max(self.top, other.top)


def _page_text(page: Any) -> str:
    textpage = page.get_textpage()
    rows: list[_Run] = []
    for run in _runs(textpage):
        home = next((row for row in reversed(rows[-_ROWS_BACK:]) if _continues(row, run)), None)
        if home is None:
            rows.append(run)
        else:
            home.extend(run)
    textpage.close()
    page.close()
    # A character beyond the BMP was two so far, as it is for PDFium.
    return _joined(rows).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _continues(row: _Run, run: _Run) -> bool:
    return run.left >= row.right - 0.5 * row.height and row.shares_line(run)


def _runs(textpage: Any) -> Iterator[_Run]:
    """The page's words as runs, parted where PDFium ends a line and where a gap is as wide as between cells.

    A word's place comes from the boxes of its first and last character: a call to PDFium for each would take longer
    than all that PDFium does.
    """
    from pypdfium2 import raw  # noqa: PLC0415

    first, last = raw.FS_RECTF(), raw.FS_RECTF()
    place, page = raw.FPDFText_GetLooseCharBox, textpage.raw
    run: _Run | None = None
    for piece in _PIECE.finditer(_characters(textpage)):
        if piece.lastgroup == "word":
            place(page, piece.start(), first)
            place(page, piece.end() - 1, last)
            bottom, top = min(first.bottom, last.bottom), max(first.top, last.top)
            word = _Run(piece[0], first.left, max(first.right, last.right), bottom, top)
            if run is not None and word.left - run.right <= _CELL_GAP * run.height:
                run.take(word)
                continue
            if run is not None:
                yield run
            run = word
        elif run is not None and piece.lastgroup == "space":
            run.text += " "
        elif run is not None:
            yield run
            run = None
    if run is not None:
        yield run


def _characters(textpage: Any) -> str:
    """The page's text, one character for each of PDFium's, so that a place in it is the number of a character.

    It comes in one call; what that leaves open (U+FFFE: no Unicode, or a hyphen that parts a word) is asked for singly.
    """
    from pypdfium2 import raw  # noqa: PLC0415

    count = textpage.count_chars()
    buffer = (ctypes.c_ushort * (count + 1))()
    whole = raw.FPDFText_GetText(textpage, 0, count, buffer) == count + 1
    text = "".join(map(chr, buffer[:count])) if whole else "\ufffe" * count
    singly = _OPEN.sub(lambda at: chr(raw.FPDFText_GetUnicode(textpage, at.start())), text)
    return singly.translate(_SOFT_HYPHENS)


def _joined(rows: list[_Run]) -> str:
    """Rows as lines, with an empty line where the distance shows a new paragraph; hyphenated words are made whole."""
    parts: list[str] = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before is not None:
            apart = before.bottom - row.top > _PARAGRAPH_GAP * min(before.height, row.height)
            parts.append("\n\n" if apart or row.bottom > before.top else "\n")
        parts.append(row.text.strip())
    text = "".join(parts).replace("\u00ad\n", "").replace("\u00ad", "")
    return "\n".join(_tidy_money(line) if " | " in line else line for line in text.split("\n"))


def _tidy_money(row: str) -> str:
    """`$ | 1,234 $ | 99 | %` as `$ 1,234 | $ 99%`: signs belong to their figure, and each figure is a cell."""
    row = _SIGN_BEFORE.sub(r"\1 ", row)
    row = _SIGN_AFTER.sub(r"\1", row)
    return _FIGURES_TOUCH.sub(" | ", row)
