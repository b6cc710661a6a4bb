"""Collects a document's text into sections, each under its path of headings. Knows nothing of any file format."""

from pilothouse.types import Section

__all__ = ["Outline"]


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
            self._sections.append(Section("\n\n".join(self._blocks), headings=headings))
            self._blocks = []
