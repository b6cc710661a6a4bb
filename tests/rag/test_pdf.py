from pathlib import Path

import pytest

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.pdf import PdfLoader
from pilothouse.types import Document

from .made import paragraphs, write_pdf


def load(path: Path) -> Document:
    return PdfLoader().load(path, path.name)


def test_each_page_is_a_section(tmp_path: Path) -> None:
    pages = [paragraphs(["First page.", "It goes on."]), paragraphs(["Second page."])]
    document = load(write_pdf(tmp_path / "two.pdf", pages, title="Two pages"))
    assert document.title == "Two pages"
    assert [(s.page, s.text) for s in document] == [(1, "First page.\nIt goes on."), (2, "Second page.")]
    assert document.metadata["pages"] == 2


def test_rows_of_a_table_stay_rows(tmp_path: Path) -> None:
    table = [
        (72, 700, "Revenue"), (300, 700, "$"), (320, 700, "4,460"), (400, 700, "$"), (420, 700, "2,732"),
        (72, 688, "Share"), (300, 688, "12"), (340, 688, "%"), (400, 688, "7"), (440, 688, "%"),
    ]  # fmt: skip
    (section,) = load(write_pdf(tmp_path / "t.pdf", [table]))
    assert section.text == "Revenue | $ 4,460 | $ 2,732\nShare | 12% | 7%"


def test_head_cells_of_several_lines_are_put_side_by_side(tmp_path: Path) -> None:
    head = [(300, 700, "April 30,"), (310, 688, "2023"), (400, 700, "May 1,"), (410, 688, "2022")]
    (section,) = load(write_pdf(tmp_path / "head.pdf", [head]))
    assert section.text == "April 30, | May 1,\n2023 | 2022"


def test_columns_of_prose_are_read_one_after_the_other(tmp_path: Path) -> None:
    left = [(72, 700 - 12 * i, f"left line {i}") for i in range(8)]
    right = [(320, 700 - 12 * i, f"right line {i}") for i in range(8)]
    (section,) = load(write_pdf(tmp_path / "columns.pdf", [left + right]))
    assert section.text.split() == " ".join(text for _, _, text in left + right).split()


def test_a_gap_between_lines_parts_paragraphs(tmp_path: Path) -> None:
    (section,) = load(
        write_pdf(tmp_path / "gap.pdf", [[(72, 700, "One."), (72, 688, "Still one."), (72, 650, "Two.")]])
    )
    assert section.text == "One.\nStill one.\n\nTwo."


def test_bookmarks_give_headings(tmp_path: Path) -> None:
    pages = [paragraphs([f"Page {n}."]) for n in (1, 2, 3)]
    document = load(write_pdf(tmp_path / "marked.pdf", pages, bookmarks=[("Start", 1), ("Risks", 3)]))
    assert [section.headings for section in document] == [("Start",), ("Start",), ("Risks",)]


def test_a_serial_number_is_no_title(tmp_path: Path) -> None:
    assert load(write_pdf(tmp_path / "q3.pdf", [paragraphs(["x"])], title="0000320193-22")).title == "q3"


def test_pages_without_text_are_noted(tmp_path: Path) -> None:
    document = load(write_pdf(tmp_path / "scan.pdf", [[], paragraphs(["Text."]), []]))
    assert document.metadata["pages_without_text"] == [1, 3]
    assert [section.page for section in document] == [2]


def test_characters_beyond_the_bmp_ligatures_and_unknown_ones(tmp_path: Path) -> None:
    meanings = {"A": "\N{GRINNING FACE}", "B": "fl", "C": "\0", "D": "\ud83d"}
    lines = paragraphs(["Hi A, Bow C end", "D"])
    (section,) = load(write_pdf(tmp_path / "odd.pdf", [lines], meanings=meanings))
    assert section.text == "Hi \N{GRINNING FACE}, flow end\n\N{REPLACEMENT CHARACTER}"


def test_a_damaged_page_does_not_take_the_others_along(tmp_path: Path) -> None:
    pages = [paragraphs([f"Page {n}."]) for n in (1, 2, 3)]
    document = load(write_pdf(tmp_path / "hurt.pdf", pages, broken=[2]))
    assert [section.page for section in document] == [1, 3]
    assert document.metadata["pages_damaged"] == [2]


def test_a_file_of_damaged_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="none of its pages can be read"):
        load(write_pdf(tmp_path / "hurt.pdf", [paragraphs(["x"])], broken=[1]))


def test_a_locked_file_asks_for_its_password(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "locked.pdf", [paragraphs(["secret"])], locked=True)
    with pytest.raises(DocumentError, match=r"locked\.pdf: is encrypted and needs a password"):
        load(path)


def test_a_file_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^empty\.pdf: .*has no pages"):
        load(write_pdf(tmp_path / "empty.pdf", []))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4 and then nothing", b"\x00\x01\x02" * 100, b"plain text"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=r"^broken\.pdf: is not a readable PDF"):
        load(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^gone\.pdf: cannot be read"):
        load(tmp_path / "gone.pdf")
