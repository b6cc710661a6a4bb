import zipfile
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.docx import DocxLoader


def load(path: Path):  # type: ignore[no-untyped-def]
    return DocxLoader().load(path, path.name)


def test_headings_paragraphs_and_tables_in_document_order(tmp_path: Path) -> None:
    document = docx.Document()
    document.core_properties.author = "Ada"
    document.add_heading("Report", 0)
    document.add_paragraph("Lead.")
    document.add_heading("Figures", 1)
    table = document.add_table(rows=2, cols=3)
    for cell, text in zip([c for row in table.rows for c in row.cells], ["a", "b", "c", "1", "2", "3"], strict=True):
        cell.text = text
    table.cell(1, 1).merge(table.cell(1, 2))
    document.add_paragraph("After the table.")
    document.add_paragraph("first", style="List Bullet")
    document.add_paragraph("second", style="List Bullet")
    document.save(str(tmp_path / "r.docx"))

    read = load(tmp_path / "r.docx")
    assert read.title == "Report"
    assert read.metadata["author"] == "Ada"
    assert [(section.headings, section.text) for section in read] == [
        (("Report",), "Lead."),
        (("Figures",), "a | b | c\n1 | 2 3\n\nAfter the table.\n\n- first\n- second"),
    ]


def test_a_cell_over_rows_stands_in_each_and_a_span_costs_nothing(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=2)
    for row, text in zip(table.rows, ["1", "2", "3"], strict=True):
        row.cells[1].text = text
    merged = table.cell(0, 0).merge(table.cell(1, 0))
    merged.text = "both"
    table.cell(2, 0)._tc.grid_span = 999_999_999
    document.save(str(tmp_path / "r.docx"))
    assert load(tmp_path / "r.docx").sections[0].text == "both | 1\nboth | 2\n | 3"


def test_text_in_controls_and_insertions_is_read_and_the_contents_are_not(tmp_path: Path) -> None:
    document = docx.Document()
    for text in ("whole", "Name: ", "was "):
        document.add_paragraph(text)
    document.styles.add_style("toc 1", WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("Figures 3", style="toc 1")
    whole, name, changed, _ = document.paragraphs
    control = "<w:sdt {ns}><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>{inner}</w:sdtContent></w:sdt>"
    run = "<w:r {ns}><w:t>{text}</w:t></w:r>"
    name._p.append(xml(control, inner=run.format(ns="", text="Ada")))
    changed._p.append(xml("<w:del {ns}><w:r><w:delText>red</w:delText></w:r></w:del>"))
    changed._p.append(xml("<w:ins {ns}>{inner}</w:ins>", inner=run.format(ns="", text="blue")))
    block = xml(control, inner="")
    whole._p.addprevious(block)
    block[1].append(whole._p)
    document.save(str(tmp_path / "r.docx"))
    assert load(tmp_path / "r.docx").sections[0].text == "whole\n\nName: Ada\n\nwas blue"


def xml(text: str, **parts: str):  # type: ignore[no-untyped-def]
    return parse_xml(text.format(ns=nsdecls("w"), **parts))


def test_a_table_in_a_cell_is_part_of_it(tmp_path: Path) -> None:
    document = docx.Document()
    outer = document.add_table(rows=1, cols=2)
    outer.cell(0, 0).text = "left"
    outer.cell(0, 1).text = "before"
    inner = outer.cell(0, 1).add_table(rows=1, cols=2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "a", "b"
    document.save(str(tmp_path / "r.docx"))
    assert load(tmp_path / "r.docx").sections[0].text == "left | before a | b"


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 and nothing more"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.docx").write_bytes(content)
    with pytest.raises(DocumentError, match=r"^r\.docx: is not a readable DOCX"):
        load(tmp_path / "r.docx")


def test_a_zip_that_is_no_document_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.docx", "w") as package:
        package.writestr("hello.txt", "hi")
    with pytest.raises(DocumentError, match=r"^r\.docx: is not a readable DOCX"):
        load(tmp_path / "r.docx")


def test_an_encrypted_file_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "r.docx").write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 504)
    with pytest.raises(DocumentError, match=r"is encrypted, or an old \.doc"):
        load(tmp_path / "r.docx")


def test_a_package_that_explodes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.docx", "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("word/document.xml", b"0" * (64 * 1024 * 1024))
    data = bytearray((tmp_path / "r.docx").read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (2 * 1024**3).to_bytes(4, "little")  # what the directory says it unpacks to
    (tmp_path / "r.docx").write_bytes(data)
    with pytest.raises(DocumentError, match=r"unpacks to 2\.0 GB"):
        load(tmp_path / "r.docx")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^gone\.docx: cannot be read"):
        load(tmp_path / "gone.docx")
