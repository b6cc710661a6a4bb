"""The prompt files of one folder: read all at once, written one by one. Knows nothing of the registry."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pilothouse.errors import ConfigError
from pilothouse.prompts.content import Content
from pilothouse.prompts.files import PromptFile, read, stamped, write
from pilothouse.prompts.places import apart, files_under, name_of, place_of, put, taken_by

__all__ = ["Folder"]

_MOST_BYTES = 8 * 1024 * 1024


@dataclass(slots=True)
class Folder:
    """`files` by the names of their prompts, `places` likewise, below `path`; `faults` of files that cannot be read."""

    path: Path
    files: dict[str, PromptFile] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @classmethod
    def open(cls, path: Path) -> Self:
        """What is there now; a folder that is not there is empty. Raises ConfigError where it is a file."""
        if path.exists() and not path.is_dir():
            raise ConfigError(f"{path} is no folder.")
        folder = cls(path)
        for place in files_under(path):
            folder._taken.add(taken_by(place))
            try:
                text = _text(path / place)
                file = read(text, path / place, name_of(place))
                if file.name in folder.files:
                    other = path / folder.places[file.name]
                    raise ConfigError(f"{path / place}:2: name: {other} is that prompt already.")
            except ConfigError as error:
                folder.faults[place] = error.message
            else:
                folder.files[file.name], folder.places[file.name], folder._texts[file.name] = file, place, text
        return folder

    def place(self, name: str) -> Path:
        """Where the file of this prompt is, or will be."""
        if name in self.places:
            return self.places[name]
        place = place_of(name)
        return apart(place, name) if taken_by(place) in self._taken else place

    def at(self, name: str) -> Path:
        """The same as a path."""
        return self.path / self.place(name)

    def put(self, name: str, content: Content, version: int) -> None:
        """Write the file anew. Raises ConfigError."""
        self._put(name, write(name, content, version))

    def stamp(self, name: str, version: int) -> None:
        """Note in the file which version it is; nothing else of it changes. Raises ConfigError."""
        text = stamped(self._texts[name], version, self.files[name].content.hash)
        if text != self._texts[name]:
            self._put(name, text)

    def _put(self, name: str, text: str) -> None:
        place = self.place(name)
        file = read(text, self.path / place, name)
        put(self.path, place, text)
        self.files[name], self.places[name], self._texts[name] = file, place, text
        self._taken.add(taken_by(place))


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path}: is larger than {_MOST_BYTES // 1024**2} MB.")
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no UTF-8, at byte {error.start}.") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}.") from None
