"""DOCX: headings, paragraphs and tables in document order, with tracked insertions, without deletions.

Headers, footers, comments and tables of contents are left out.
"""

import re
import zipfile
from pathlib import Path
from typing import Any

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.outline import LIST_ITEM, Outline
from pilothouse.types import Document

__all__ = ["DocxLoader"]

_HEADING = re.compile(r"heading (\d)", re.IGNORECASE)
_CONTENTS = re.compile(r"toc( \d|$| heading)", re.IGNORECASE)
# What stands around text that python-docx then does not see: content controls, tracked insertions and moves, fields.
_AROUND = ("w:sdt", "w:sdtContent", "w:ins", "w:moveTo", "w:smartTag", "w:fldSimple", "w:customXml")
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
            _unwrap(opened.element.body)
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


def _unwrap(body: Any) -> None:
    """Leave out the elements that stand around text, and keep what is in them."""
    from docx.oxml.ns import qn  # noqa: PLC0415
    from lxml import etree  # noqa: PLC0415

    etree.strip_elements(body, qn("w:sdtPr"), with_tail=False)
    etree.strip_tags(body, *map(qn, _AROUND))


def _paragraph(paragraph: Any, outline: Outline) -> None:
    style = paragraph.style.name or "" if paragraph.style is not None else ""
    if heading := _HEADING.match(style):
        outline.heading(int(heading[1]), paragraph.text)
    elif style == "Title":
        outline.heading(1, paragraph.text)
    elif not _CONTENTS.match(style):
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
            texts.append(above[column] if merged else _cell_text(_Cell(tc, table)))
            above[column] = texts[-1]
            column += tc.grid_span
        lines.append(" | ".join(texts))
    return "\n".join(line for line in lines if line.strip(" |"))


def _cell_text(cell: Any) -> str:
    """The text of a cell on one line, that of the tables in it included."""
    blocks = (_rows(block) if hasattr(block, "rows") else block.text for block in cell.iter_inner_content())
    return " ".join(" ".join(blocks).split())


def _metadata(properties: Any) -> dict[str, Any]:
    known = {
        "author": properties.author,
        "language": properties.language,
        "modified": properties.modified and properties.modified.isoformat(),
    }
    return {name: value for name, value in known.items() if value}
