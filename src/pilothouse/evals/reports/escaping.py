"""Text of models and users inside Markdown and XML: shown as it is, never read as markup, a mention or a link."""

import re
from html import escape

__all__ = ["block", "code", "inline", "xml_text"]

_MARKS = re.compile(r"[\\`*_\[\]<>&|~:@#!$]|(?<=www)\.")
_SPACES = re.compile(r"\s+")
_TELLING = re.compile(r"[\\`*_\[\]<>&|~@#!$]|(?<=www)\.|:(?=//)")
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_WHOLE = "\N{REPLACEMENT CHARACTER}"


def code(text: str, most: int = 120) -> str:
    """On one line, in a fixed font. Marks are numbers, so that they are neither Markdown nor the border of a table's
    cell; inside `code` nobody is notified and no issue is linked."""
    return f"<code>{_numbered(_MARKS, _on_a_line(text, most)) or ' '}</code>"


def inline(text: str, most: int = 500) -> str:
    """A sentence on one line, in which only what could do something is made harmless."""
    return re.sub(r"(&#(?:35|64);)", r"\1<!-- -->", _numbered(_TELLING, _on_a_line(text, most)))


def block(text: str, most: int = 2000) -> str:
    """Several lines as they are."""
    cut = _STEERING.sub(_WHOLE, text if len(text) <= most else text[: most - 1] + "…")
    return f"<pre>{escape(cut, quote=False)}</pre>"


def xml_text(text: str) -> str:
    """Without the characters that XML 1.0 has not, nor those that steer a terminal."""
    return _STEERING.sub(_WHOLE, text)


def _on_a_line(text: str, most: int) -> str:
    told = _SPACES.sub(" ", _STEERING.sub(_WHOLE, text[: 4 * most])).strip()
    return told if len(told) <= most else told[: most - 1] + "…"


def _numbered(which: re.Pattern[str], text: str) -> str:
    return which.sub(lambda found: f"&#{ord(found[0])};", text)
