"""Cuts a template into text, variables, tags and comments, each with its place. Knows nothing of rules.

Renders nothing and never fails: what does not close is text. Time is linear in the template.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["Kind", "Piece", "split"]

Kind = Literal["text", "variable", "tag", "comment", "include"]
_ENDS: dict[str, tuple[str, Kind]] = {"{{": ("}}", "variable"), "{%": ("%}", "tag"), "{#": ("#}", "comment")}
_OPEN = re.compile(r"\{[{%#]")
_RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
_END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")
_FIELD = re.compile(r"\{\{|\}\}|\{#[^{}]{0,2000}#\}|\{[^{}\n]{1,300}\}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_NAME = re.compile(r"(?<![\w.|])(?<!\| )([A-Za-z_]\w*)(?!\w|\s*=(?!=)|\s*\()")
_KEYWORDS = (
    "if elif else endif for endfor in not and or is set endset block endblock macro endmacro call endcall filter "
    "endfilter with endwith do raw endraw true false none True False None as recursive break continue"
)
_TEST = re.compile(r"\bis\s+(?:not\s+)?[A-Za-z_]\w*")
_WORDS = frozenset(_KEYWORDS.split())
_BINDING = re.compile(r"\{%[-+]?\s*(?:for\s+([\w,\s()]{1,200}?)\s+in\s|set\s+(\w+)|macro\s+\w+\(([^)]{0,300})\))")


class Piece(NamedTuple):
    """`text` is what stands at `start`; `names` are the variables in it."""

    kind: Kind
    start: int
    text: str
    names: tuple[str, ...] = ()

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def split(template: str, syntax: str) -> list[Piece]:
    """The pieces of a template of this syntax (`jinja`, `mustache` or `format`); together they are the template."""
    marked = {"jinja": _jinja, "mustache": _mustache}.get(syntax, _format)(template)
    pieces, at = list[Piece](), 0
    for piece in marked:
        if piece.start > at:
            pieces.append(Piece("text", at, template[at : piece.start]))
        pieces.append(piece)
        at = piece.end
    if at < len(template):
        pieces.append(Piece("text", at, template[at:]))
    return pieces


def _jinja(template: str) -> Iterator[Piece]:
    bound = frozenset(_bound(template))
    at, unclosed = 0, set[str]()
    while (opened := _OPEN.search(template, at)) is not None:
        start, (closing, kind) = opened.start(), _ENDS[opened.group()]
        if kind == "tag" and (raw := _RAW.match(template, start)) is not None:
            ended = _END_RAW.search(template, raw.end())
            yield Piece("tag", start, raw.group())
            if ended is None:
                return
            yield Piece("tag", ended.start(), ended.group())
            at = ended.end()
            continue
        end = -1 if closing in unclosed else template.find(closing, start + 2)
        if end < 0:
            unclosed.add(closing)
            at = start + 2
            continue
        at = end + 2
        text = template[start:at]
        inner = text[2:-2].strip("-+ \n\t")
        if kind == "tag" and inner.startswith(("include", "import", "from", "extends")):
            yield Piece("include", start, text)
        else:
            yield Piece(kind, start, text, () if kind == "comment" else _names(inner, bound))


def _bound(template: str) -> Iterator[str]:
    """The names that loops, `set` and macros bring in."""
    yield "loop"
    for found in _BINDING.finditer(template):
        yield from re.findall(r"[A-Za-z_]\w*", " ".join(filter(None, found.groups())))


def _names(expression: str, bound: frozenset[str] = frozenset()) -> tuple[str, ...]:
    plain = _TEST.sub("", _QUOTED.sub("''", expression))
    found = (name for name in _NAME.findall(plain) if name not in _WORDS and name not in bound)
    return tuple(dict.fromkeys(found))


def _mustache(template: str) -> Iterator[Piece]:
    at, depth = 0, 0
    while (start := template.find("{{", at)) >= 0:
        triple = template.startswith("{{{", start)
        end = template.find("}}}" if triple else "}}", start + 2)
        if end < 0:
            return
        at = end + (3 if triple else 2)
        text = template[start:at]
        inner = text.strip("{}").strip()
        sign, name = inner[:1], inner.lstrip("#^/&>! \t\n")
        root = name.split(".")[0].strip()
        named = (root,) if re.fullmatch(r"[A-Za-z_][\w-]*", root) else ()
        if sign in ("!", ">"):
            yield Piece("comment" if sign == "!" else "include", start, text)
        elif sign in ("#", "^", "/"):
            yield Piece("tag", start, text, named if sign != "/" and not depth else ())
            depth = max(0, depth + (1 if sign != "/" else -1))
        else:
            yield Piece("variable", start, text, named if not depth else _inside(template, named))


def _inside(template: str, named: tuple[str, ...]) -> tuple[str, ...]:
    """A name within a section may be a field of what the section is about: it counts where a section has it, too."""
    return tuple(name for name in named if re.search(r"\{\{[#^]\s*" + re.escape(name) + r"\s*\}\}", template))


def _format(template: str) -> Iterator[Piece]:
    for found in _FIELD.finditer(template):
        text = found.group()
        if text in ("{{", "}}"):
            continue
        inner = text[1:-1]
        if inner.startswith("#"):
            yield Piece("comment", found.start(), text)
        elif inner.startswith("@"):
            yield Piece("include", found.start(), text)
        elif (name := re.match(r"[A-Za-z_]\w*(?=$|[.\[!:])", inner)) is not None:
            yield Piece("variable", found.start(), text, (name.group(),))
