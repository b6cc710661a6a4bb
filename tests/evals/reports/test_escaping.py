"""Hostile text in reports."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pilothouse.evals.reports.escaping import block, code, inline, xml_text

HOSTILE = [
    "| a | b |\n|---|---|", "</details><script>alert(1)</script>", "@everyone #12 org/repo#3", "[x](http://evil.example)",
    "![x](http://evil.example/p.png)",
    "**bold** _it_ ~~gone~~ `code` ``` ```", "<!-- hidden", "a\n\n# heading", "\\| \\`",
    "http://evil.example www.evil.example a@evil.example", "\x1b[31mred\x00\u202e", "</code></pre><img src=x>",
    "&lt;b&gt; &amp;", "1. one", "- item", "<details><summary>", "\ud800 half",
]  # fmt: skip

_ALLOWED = {"text", "html_inline", "inline", "paragraph_open", "paragraph_close", "softbreak"}
_OURS = {"<code>", "</code>", "<!-- -->"}


def tokens(text: str) -> list[tuple[str, str]]:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [(one.type, one.content) for top in parser.parse(text) for one in [top, *(top.children or [])]]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_models_say_is_read_as_text_alone(text: str) -> None:
    for told in (code(text), f"x {inline(text)}"):
        assert "\n" not in told
        found = tokens(told)
        assert {kind for kind, _ in found} <= _ALLOWED
        assert {content for kind, content in found if kind == "html_inline"} <= _OURS
        assert "|" not in told
    assert "@" not in inline(text)
    assert "://" not in inline(text)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_block_holds_what_it_holds(text: str) -> None:
    found = tokens(f"<details>\n\n{block(text)}\n\nafter\n")
    assert [kind for kind, _ in found][:2] == ["html_block", "html_block"]
    assert found[-2] == ("text", "after") or found[-1] == ("text", "after") or ("text", "after") in found
    assert "<" not in block(text)[5:-6]


def test_text_stays_readable_and_ends() -> None:
    assert inline("It is 0.5 (0.4 to 0.6): below 80%.") == "It is 0.5 (0.4 to 0.6): below 80%."
    assert code("") == "<code> </code>"
    assert code("x" * 500) == f"<code>{'x' * 119}…</code>"
    assert block("a\nb") == "<pre>a\nb</pre>"
    assert len(block("x" * 9000)) == 2011


@given(st.text())
def test_any_text_is_xml(text: str) -> None:
    element = ET.Element("a")
    element.text = xml_text(text)
    assert ET.fromstring(ET.tostring(element)).text in (xml_text(text) or None, xml_text(text).replace("\r", "\n"))
