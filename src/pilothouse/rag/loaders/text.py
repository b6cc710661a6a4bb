"""Plain text: UTF-8, UTF-16 or UTF-32 with a byte-order mark, else Latin-1, noted. Binary files are refused."""

import codecs
import re
from pathlib import Path

from pilothouse.errors import DocumentError
from pilothouse.types import Document, Section

__all__ = ["TextLoader", "decode", "read_bytes"]

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_CONTROL_SHARE = 0.02


class TextLoader:
    """One section with the whole text."""

    suffixes: tuple[str, ...] = (".txt", ".text", ".log", ".rst")

    def load(self, path: Path, source: str) -> Document:
        text, encoding = decode(read_bytes(path, source), source)
        sections = [Section(text)] if text.strip() else []
        return Document(source, path.stem, sections, {"encoding": encoding})


def read_bytes(path: Path, source: str) -> bytes:
    """The file's bytes. Raises DocumentError where the system refuses them."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}.", source=source) from error


def decode(data: bytes, source: str) -> tuple[str, str]:
    """(text with \\n line ends, name of the encoding). Raises DocumentError for what is not text."""
    declared = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    encoding = declared or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if declared:
            raise DocumentError(f"is not valid {declared}: {error.reason}.", source=source) from None
        encoding = "latin-1"
        text = data.decode(encoding)
    if "\x00" in text or len(_CONTROL.findall(text)) > _CONTROL_SHARE * len(text):
        raise DocumentError("is a binary file, not text.", source=source)
    return text.replace("\r\n", "\n").replace("\r", "\n"), encoding
