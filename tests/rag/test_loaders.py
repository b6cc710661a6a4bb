from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import DocumentError
from pilothouse.plugins import Registry
from pilothouse.protocols import Loader
from pilothouse.rag.loaders import Loaders
from pilothouse.types import Document, Section


class Shout:
    suffixes: tuple[str, ...] = (".shout",)

    def load(self, path: Path, source: str) -> Document:
        return Document(source, path.stem, [Section(path.read_text().upper())])


class Broken(Registry):
    def get(self, name: str) -> Any:
        from pilothouse.errors import ConfigError

        if name == "docx":
            raise ConfigError("The plugin 'docx' does not import.")
        return super().get(name)


def test_built_in_loaders_come_by_entry_point() -> None:
    loaders = Loaders()
    assert {".pdf", ".html", ".htm", ".md", ".docx", ".txt"} <= set(loaders.suffixes)
    assert loaders.knows(Path("Report.PDF"))
    assert not loaders.knows(Path("archive.zip"))
    assert loaders.broken == []


def test_a_plugin_adds_a_format(tmp_path: Path) -> None:
    loader: Loader = Shout()
    loaders = Loaders(Registry("pilothouse.loaders", {"shout": lambda: loader}))
    (tmp_path / "a.shout").write_text("hey")
    assert loaders.load(tmp_path / "a.shout", "a.shout").sections == [Section("HEY")]


class Stumbling(Shout):
    def load(self, path: Path, source: str) -> Document:
        raise ZeroDivisionError("division by zero")


def test_whatever_a_loader_raises_is_an_unreadable_document(tmp_path: Path) -> None:
    loaders = Loaders(Registry("pilothouse.loaders", {"shout": Stumbling}))
    with pytest.raises(DocumentError, match=r"^a\.shout: its loader failed: ZeroDivisionError: division by zero\."):
        loaders.load(tmp_path / "a.shout", "a.shout")


def test_a_broken_plugin_hurts_nobody_else() -> None:
    loaders = Loaders(Broken("pilothouse.loaders"))
    assert loaders.broken == ["The plugin 'docx' does not import."]
    assert ".docx" not in loaders.suffixes
    assert ".pdf" in loaders.suffixes
