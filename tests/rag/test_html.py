from pathlib import Path

import pytest

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.html import HtmlLoader
from pilothouse.types import Document


def load(tmp_path: Path, content: str | bytes) -> Document:
    path = tmp_path / "page.html"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return HtmlLoader().load(path, path.name)


def body(tmp_path: Path, content: str) -> list[tuple[tuple[str, ...], str]]:
    document = load(tmp_path, f"<html><body>{content}</body></html>")
    return [(section.headings, section.text) for section in document]


def test_blocks_and_inline_text(tmp_path: Path) -> None:
    content = "<div>in <b>bold</b>face<br>next<!-- no --> line</div>tail<p>one<p>two <a href=x>link</a>."
    assert body(tmp_path, content) == [((), "in boldface\nnext line\n\ntail\n\none\n\ntwo link.")]


def test_headings_make_the_path(tmp_path: Path) -> None:
    content = "<h1>A</h1><p>one</p><h3>C</h3><p>two</p><h2>B <i>b</i></h2>three"
    assert body(tmp_path, content) == [(("A",), "one"), (("A", "C"), "two"), (("A", "B b"), "three")]


def test_scripts_navigation_and_hidden_parts_are_dropped(tmp_path: Path) -> None:
    content = (
        "<nav>menu</nav><script>run()</script><style>p{}</style><p>kept<script>x</script> too</p>"
        "<div hidden>no</div><p style='display: none'>no</p><div aria-hidden=true>no</div><footer>foot</footer>"
    )
    assert body(tmp_path, content) == [((), "kept too")]


def test_the_main_content_is_preferred(tmp_path: Path) -> None:
    assert body(tmp_path, "<div>aside</div><main><p>the content of the page</p></main>") == [
        ((), "the content of the page")
    ]
    assert body(tmp_path, f"<p>{'long ' * 50}</p><article>short</article>")[0][1].endswith("short")


def test_tables_become_rows(tmp_path: Path) -> None:
    table = "<table><caption>Sales</caption><tr><th>Year<th>Sum<tr><td>2023<td>7 <b>m</b><tr><td> <td></table>"
    assert body(tmp_path, f"before{table}after") == [((), "before\n\nSales\nYear | Sum\n2023 | 7 m\n\nafter")]


def test_a_table_for_layout_is_walked_through(tmp_path: Path) -> None:
    inner = "<table><tr><td>1<td>2</table>"
    assert body(tmp_path, f"<table><tr><td><p>words</p>{inner}</table>") == [((), "words\n\n1 | 2")]


def test_lists_and_code(tmp_path: Path) -> None:
    content = "<ul><li>a<li>b</ul><pre>def f():\n    return 1\n</pre>"
    assert body(tmp_path, content) == [((), "- a\n- b\n\n```\ndef f():\n    return 1\n```")]


def test_title_and_language(tmp_path: Path) -> None:
    document = load(tmp_path, "<html lang=fr><title> La  page </title><h1>Titre</h1><p>x</html>")
    assert document.title == "La page"
    assert document.metadata == {"encoding": "utf-8", "language": "fr"}
    assert load(tmp_path, "<h1>Only</h1>x").title == "Only"
    assert load(tmp_path, "x").title == "page"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("<meta charset=windows-1251><p>Привет".encode("cp1251"), "cp1251"),
        ("<meta http-equiv=Content-Type content='text/html; charset=koi8-r'><p>Привет".encode("koi8-r"), "koi8-r"),
        ("<?xml version='1.0' encoding='utf-8'?><html><p>Привет".encode(), "utf-8"),
        ("<meta charset=utf-16><p>Привет".encode(), "utf-8"),
        ("<meta charset=nonsense><p>Привет".encode(), "utf-8"),
        ("<p>Привет".encode("utf-16"), "utf-16"),
    ],
)
def test_the_declared_encoding_is_used_where_it_fits(tmp_path: Path, content: bytes, encoding: str) -> None:
    document = load(tmp_path, content)
    assert document.sections[0].text == "Привет"
    assert document.metadata["encoding"] == encoding


def test_deeply_nested_pages_are_read(tmp_path: Path) -> None:
    assert "deep" in body(tmp_path, "<div>" * 2000 + "deep")[0][1]


def test_an_empty_page_has_no_sections(tmp_path: Path) -> None:
    assert load(tmp_path, " ").sections == []
    assert load(tmp_path, "<!-- nothing -->").sections == []


def test_binary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^page\.html: is a binary file"):
        load(tmp_path, b"\x00\x01\x02\x03")


def test_an_xml_declaration_is_no_text(tmp_path: Path) -> None:
    document = load(tmp_path, "\n<?xml version='1.0' encoding='utf-8'?>\n<html><body>Grüße</body></html>")
    assert [section.text for section in document] == ["Grüße"]
    blank = load(tmp_path, f"<p>a{' ' * 300_000}b</p>")
    assert [section.text for section in blank] == ["a b"]
