"""DOCX: headings, paragraphs and tables in document order. Headers, footers and comments are left out."""

import re
import zipfile
from pathlib import Path
from typing import Any

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.outline import LIST_ITEM, Outline
from pilothouse.types import Document

__all__ = ["DocxLoader"]

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_OLE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of old .doc files and of encrypted .docx
_UNPACKED_LIMIT = 1024**3


class DocxLoader:
    """Sections by heading style. Encrypted, damaged and exploding packages are refused."""

    suffixes: tuple[str, ...] = (".docx",)

    def load(self, path: Path, source: str) -> Document:
        import docx  # noqa: PLC0415

        _refuse_unsafe(path, source)
        outline = Outline()
        try:
            opened = docx.Document(str(path))
            for block in opened.iter_inner_content():
                if hasattr(block, "rows"):
                    outline.add(_rows(block))
                else:
                    _paragraph(block, outline)
        except Exception as error:  # python-docx and lxml fail in many ways on a damaged package
            raise DocumentError(f"is not a readable DOCX file: {error}.", source=source) from error
        title = (opened.core_properties.title or "").strip() or outline.title or path.stem
        return Document(source, title, outline.sections(), _metadata(opened.core_properties))


def _refuse_unsafe(path: Path, source: str) -> None:
    try:
        with path.open("rb") as file:
            if file.read(8) == _OLE_MARK:
                raise DocumentError("is encrypted, or an old .doc file: save it as a plain .docx.", source=source)
        with zipfile.ZipFile(path) as package:
            unpacked = sum(entry.file_size for entry in package.infolist())
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}.", source=source) from error
    except zipfile.BadZipFile as error:
        raise DocumentError(f"is not a readable DOCX file: {error}.", source=source) from error
    if unpacked > _UNPACKED_LIMIT:
        raise DocumentError(f"unpacks to {unpacked / 1024**3:.1f} GB, more than is allowed (1 GB).", source=source)


def _paragraph(paragraph: Any, outline: Outline) -> None:
    style = paragraph.style.name or "" if paragraph.style is not None else ""
    if heading := _HEADING.match(style):
        outline.heading(int(heading[1]), paragraph.text)
    elif style == "Title":
        outline.heading(1, paragraph.text)
    else:
        item = style.startswith("List") and paragraph.text.strip()
        outline.add(LIST_ITEM + paragraph.text if item else paragraph.text)


def _rows(table: Any) -> str:
    """A table as one line per row, cells parted by ` | `; a cell merged over rows stands in each of them.

    Not by `row.cells`, which repeats a cell for every column that a file says it spans, and recurses over merged rows.
    """
    from docx.table import _Cell  # noqa: PLC0415

    lines = []
    above: dict[int, str] = {}  # the text that begins in a column
    for row in table.rows:
        column, texts = row.grid_cols_before, []
        for tc in row._tr.tc_lst:
            merged = tc.vMerge == "continue" and column in above
            texts.append(above[column] if merged else " ".join(_Cell(tc, table).text.split()))
            above[column] = texts[-1]
            column += tc.grid_span
        lines.append(" | ".join(texts))
    return "\n".join(line for line in lines if line.strip(" |"))


def _metadata(properties: Any) -> dict[str, Any]:
    known = {
        "author": properties.author,
        "language": properties.language,
        "modified": properties.modified and properties.modified.isoformat(),
    }
    return {name: value for name, value in known.items() if value}
