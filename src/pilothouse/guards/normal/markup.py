"""Markup that hides: texts without comments and tags, and the stretches that a page would not show. Plain functions.

Read by form and not by a browser: what a style sheet elsewhere hides is not known here.
"""

import re
from collections.abc import Iterator

from pilothouse.guards.normal.places import Made, Writing

__all__ = ["hidden", "without_markup"]

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,400}>")
_OPENS = re.compile(
    r"""<([a-zA-Z][a-zA-Z0-9]{0,15})\b(?=[^<>]{0,400}>)[^<>]{0,400}?(?:
        display\s{0,3}:\s{0,3}none | visibility\s{0,3}:\s{0,3}hidden | font-size\s{0,3}:\s{0,3}0(?![.\d]) |
        opacity\s{0,3}:\s{0,3}0(?:\.0{1,3})?(?![.\d]) |
        (?<![-\w])color\s{0,3}[:=]\s{0,3}["']?(?:white|\#fff(?:fff)?|transparent)\b |
        (?:text-indent|left|top)\s{0,3}:\s{0,3}-\d{3,5} | \shidden(?=[\s>/=])
    )[^<>]{0,400}>""",
    re.VERBOSE | re.IGNORECASE,
)  # fmt: skip


def without_markup(text: str) -> Made | None:
    """Without comments and tags, nothing in their place. None where there are none."""
    if "<" not in text:
        return None
    writing, at = Writing(), 0
    cuts = sorted([*_comments(text), *(found.span() for found in _TAG.finditer(text))])
    for start, end in cuts:
        if start >= at:
            writing.copy(text[at:start], at)
        at = max(at, end)
    if not at:
        return None
    writing.copy(text[at:], at)
    return writing.made()


def hidden(text: str) -> list[tuple[str, int, int]]:
    """(what hides it, start, end) of each comment with words in it and each element that is not shown, in order."""
    if "<" not in text:
        return []
    found = [("comment", *span) for span in _comments(text) if re.search(r"\w", text[span[0] : span[1]])]
    lower, missing, until = text.lower() if text.isascii() else _lower(text), set[str](), 0
    for opens in _OPENS.finditer(text):
        closer = f"</{opens[1].lower()}"
        if opens.start() < until or closer in missing:
            continue
        end = lower.find(closer, opens.end())
        if end < 0:
            missing.add(closer)
            continue
        until = end
        found.append(("unseen element", opens.start(), end))
    return sorted(found, key=lambda one: one[1])


def _comments(text: str) -> Iterator[tuple[int, int]]:
    """An open comment at the end is none."""
    start = text.find("<!--")
    while start >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            return
        yield start, end + 3
        start = text.find("<!--", end + 3)


def _lower(text: str) -> str:
    """In small letters, one for one."""
    return "".join(low if len(low := char.lower()) == 1 else char for char in text)
