"""HTML: the main content under its headings, tables as rows, code kept whole; navigation and scripts dropped."""

import codecs
import re
from pathlib import Path
from typing import Any

from pilothouse.rag.loaders.outline import LIST_ITEM, Outline
from pilothouse.rag.loaders.text import decode, read_bytes
from pilothouse.types import Document

__all__ = ["HtmlLoader"]

_DROPPED = ("script", "style", "nav", "footer", "noscript", "template", "svg", "iframe", "button", "select", "dialog")
_HIDDEN = (
    "//*[@hidden or @aria-hidden='true' or @role='navigation' or contains(translate(@style,' ',''),'display:none')]"
)
_INLINE = frozenset({
    "a", "abbr", "b", "bdi", "bdo", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img", "ins", "kbd",
    "label", "mark", "math", "output", "q", "rp", "rt", "ruby", "s", "samp", "small", "span", "strike", "strong",
    "sub", "sup", "time", "tt", "u", "var", "wbr",
})  # fmt: skip
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_MAIN_CONTENT_SHARE = 0.3


class HtmlLoader:
    """Sections by heading. The encoding is the one that the page declares, where it fits."""

    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml")

    def load(self, path: Path, source: str) -> Document:
        from lxml import etree, html  # noqa: PLC0415

        text, encoding = _decode(read_bytes(path, source), source)
        try:
            root = html.document_fromstring(_XML_DECLARATION.sub("", text), html.HTMLParser(huge_tree=True))
        except etree.ParserError:  # it holds no element and no text
            return Document(source, path.stem, [], {"encoding": encoding})
        title = _squeeze(root.findtext(".//title") or "")
        metadata: dict[str, Any] = {"encoding": encoding}
        if language := root.get("lang"):
            metadata["language"] = language
        outline = Outline()
        _read(_main_content(root), outline)
        return Document(source, title or outline.title or path.stem, outline.sections(), metadata)


def _decode(data: bytes, source: str) -> tuple[str, str]:
    """By byte-order mark, then the charset that the page declares, then UTF-8 or Latin-1."""
    declared = _CHARSET.search(data[:4096])
    if declared and not data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            name = codecs.lookup(declared[1].decode("ascii")).name
            if not name.startswith(("utf-16", "utf-32")):  # a page whose tags read as ASCII is neither
                return decode(data.decode(name).encode(), source)[0], name
        except (LookupError, UnicodeDecodeError):
            pass
    return decode(data, source)


def _main_content(root: Any) -> Any:
    """<main> or the only <article> where it holds a fair share of the text, else the body; cleaned."""
    from lxml import etree  # noqa: PLC0415

    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    etree.strip_elements(root, *_DROPPED, with_tail=False)
    for element in root.xpath(_HIDDEN):
        if element.getparent() is not None:
            element.drop_tree()
    body = root.find("body")
    body = root if body is None else body
    whole = len(body.text_content())
    for path in ("//main | //*[@role='main']", "//article"):
        found = body.xpath(path)
        if len(found) == 1 and len(found[0].text_content()) >= _MAIN_CONTENT_SHARE * whole:
            return found[0]
    return body


def _read(root: Any, outline: Outline) -> None:
    """Walk the tree without recursion (the parser nests 2,048 levels) and hand its blocks to the outline."""
    from lxml import etree  # noqa: PLC0415

    inline: list[str] = []

    def close() -> str:
        text = _lines("".join(inline))
        inline.clear()
        return text

    walker = etree.iterwalk(root, events=("start", "end"))
    for event, element in walker:
        tag = element.tag
        if event == "end":
            if tag in _HEADINGS:
                outline.heading(int(tag[1]), close())
            elif tag not in _INLINE and tag != "br":
                outline.add(close())
            if element is not root:
                inline.append(element.tail or "")
            continue
        if tag == "br":
            inline.append("\v")
        elif tag not in _INLINE:
            outline.add(close())
        if tag == "pre":
            outline.add(f"```\n{element.text_content().strip(chr(10))}\n```")
            walker.skip_subtree()
        elif tag == "table" and element.find(".//table") is None:
            outline.add(_rows(element))
            walker.skip_subtree()
        else:
            if tag == "li":
                inline.append(LIST_ITEM)
            inline.append(element.text or "")
    outline.add(close())


_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def _rows(table: Any) -> str:
    """A table as one line per row, cells parted by ` | `."""
    caption = table.findtext("caption") or ""
    rows = [[_squeeze(cell.text_content()) for cell in row.xpath("./td | ./th")] for row in table.iter("tr")]
    lines = [" | ".join(cells) for cells in rows if any(cells)]
    return "\n".join([_squeeze(caption), *lines] if caption.strip() else lines)


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _lines(text: str) -> str:
    """White space as a browser shows it: runs become one space, and only <br> (held as \\v) breaks a line."""
    return "\n".join(line for part in text.split("\v") if (line := _squeeze(part)))
