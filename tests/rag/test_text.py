import codecs
from pathlib import Path

import pytest

from pilothouse.errors import DocumentError
from pilothouse.rag.loaders.text import TextLoader, decode
from pilothouse.types import Document


def load(path: Path, content: bytes) -> Document:
    path.write_bytes(content)
    return TextLoader().load(path, path.name)


@pytest.mark.parametrize(
    ("content", "text", "encoding"),
    [
        ("Zoë\r\nnaïve".encode(), "Zoë\nnaïve", "utf-8"),
        ("Zoë".encode("utf-8-sig"), "Zoë", "utf-8-sig"),
        (codecs.BOM_UTF16_LE + "Zoë".encode("utf-16-le"), "Zoë", "utf-16"),
        (codecs.BOM_UTF16_BE + "Zoë".encode("utf-16-be"), "Zoë", "utf-16"),
        (codecs.BOM_UTF32_LE + "Zoë".encode("utf-32-le"), "Zoë", "utf-32"),
        ("Zoë".encode("latin-1"), "Zoë", "latin-1"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, text: str, encoding: str) -> None:
    document = load(tmp_path / "note.txt", content)
    assert [section.text for section in document] == [text]
    assert document.metadata == {"encoding": encoding}
    assert document.title == "note"


@pytest.mark.parametrize("content", [b"\x7fELF\x00\x01", bytes(range(1, 9)) * 10 + b"some text"])
def test_binary_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DocumentError, match=r"^note\.txt: is a binary file"):
        load(tmp_path / "note.txt", content)


def test_a_broken_utf_16_file_is_refused() -> None:
    with pytest.raises(DocumentError, match="is not valid utf-16"):
        decode(codecs.BOM_UTF16_LE + b"a", "note.txt")


def test_an_empty_file_has_no_sections(tmp_path: Path) -> None:
    assert load(tmp_path / "note.txt", b" \n").sections == []


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^gone\.txt: cannot be read: No such file"):
        TextLoader().load(tmp_path / "gone.txt", "gone.txt")
