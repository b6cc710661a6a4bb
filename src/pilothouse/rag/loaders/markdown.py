"""Markdown: sections under their headings, fenced code kept whole, YAML front matter as metadata.

Headings follow CommonMark 0.31 (ATX and setext); everything else is kept as it is written.
"""

import re
from datetime import date
from pathlib import Path

import yaml

from pilothouse.rag.loaders.outline import Outline
from pilothouse.rag.loaders.text import decode, read_bytes
from pilothouse.types import Document, Json

__all__ = ["MarkdownLoader"]

_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_NOT_A_PARAGRAPH = re.compile(r"\s*(?:[-*+>|]|\d+[.)]\s|$)")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")


class MarkdownLoader:
    """Sections by heading; the title is that of the front matter, else the first heading."""

    suffixes: tuple[str, ...] = (".md", ".markdown", ".mdown", ".mkd")

    def load(self, path: Path, source: str) -> Document:
        text, encoding = decode(read_bytes(path, source), source)
        metadata, text = _front_matter(text)
        outline = _outline(text)
        title = metadata.get("title")
        title = title if isinstance(title, str) and title else outline.title or path.stem
        return Document(source, title, outline.sections(), {"encoding": encoding, **metadata})


def _outline(text: str) -> Outline:
    outline = Outline()
    block: list[str] = []
    fence = ""

    def close() -> None:
        outline.add("\n".join(block))
        block.clear()

    for line in text.split("\n"):
        mark = _FENCE.fullmatch(line)
        if fence:
            block.append(line)
            if mark and mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        elif mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
            block.append(line)
        elif atx := _ATX.fullmatch(line):
            close()
            outline.heading(len(atx[1]), _plain(atx[2] or ""))
        elif block and (setext := _SETEXT.fullmatch(line)) and not _NOT_A_PARAGRAPH.match(block[-1]):
            title = block.pop()
            close()
            outline.heading(1 if setext[1][0] == "=" else 2, _plain(title))
        else:
            block.append(line)
    close()
    return outline


def _plain(heading: str) -> str:
    """A heading without its inline marks: links become their text."""
    return re.sub(r"[*`]|(?<!\w)_|_(?!\w)", "", _LINK.sub(r"\1", heading))


def _front_matter(text: str) -> tuple[Json, str]:
    """The leading YAML block as flat metadata, and the rest. What is no YAML mapping stays in the text."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    try:
        data = yaml.safe_load(match[1])
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError):  # PyYAML lets an odd date or number through
        return {}, text
    if not isinstance(data, dict):
        return {}, text
    return {str(key): flat for key, value in data.items() if (flat := _flat(value)) is not None}, text[match.end() :]


def _flat(value: object) -> object:
    """A scalar or a list of scalars, else None. Not deeper: aliases nested by a hostile file grow without end."""
    if isinstance(value, list):
        return [scalar for item in value if (scalar := _scalar(item)) is not None]
    return _scalar(value)


def _scalar(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # an escape can make half a surrogate pair
    return value if isinstance(value, int | float | bool) else None
