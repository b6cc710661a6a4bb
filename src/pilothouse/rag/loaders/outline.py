"""Collects a document's text into sections, each under its path of headings. Knows nothing of any file format."""

from collections.abc import Sequence
from itertools import pairwise

from pilothouse.types import Section

__all__ = ["LIST_ITEM", "Outline"]

LIST_ITEM = "- "
"""How an item of a list begins."""


class Outline:
    """Takes headings and blocks of text in document order. `title` is the first heading met."""

    def __init__(self) -> None:
        self.title = ""
        self._path: list[tuple[int, str]] = []
        self._blocks: list[str] = []
        self._sections: list[Section] = []

    def heading(self, level: int, text: str) -> None:
        """Open a section under `text`; `level` 1 is the outermost. An empty heading is ignored."""
        text = " ".join(text.split())
        if not text:
            return
        self._close()
        self.title = self.title or text
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, text))

    def add(self, block: str) -> None:
        """A paragraph, list, table or code block, written as it should be read."""
        if block.strip():
            self._blocks.append(block.strip("\n"))

    def sections(self) -> list[Section]:
        """All sections so far, the open one included. A heading without text of its own makes none."""
        self._close()
        return self._sections

    def _close(self) -> None:
        if self._blocks:
            headings = tuple(text for _, text in self._path)
            self._sections.append(Section(_joined(self._blocks), headings=headings))
            self._blocks = []


def _joined(blocks: Sequence[str]) -> str:
    """Blocks with an empty line between them, save between the items of a list."""
    text = blocks[0]
    for before, block in pairwise(blocks):
        items = before.startswith(LIST_ITEM) and block.startswith(LIST_ITEM)
        text += ("\n" if items else "\n\n") + block
    return text
