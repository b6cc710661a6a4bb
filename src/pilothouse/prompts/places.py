"""Where in a folder the file of a prompt is, and the files that are there. Knows nothing of what they hold.

A name's parts between slashes are folders. What some file system would refuse, change or take for something else is
written as `%` and the hex digits of its bytes; names that differ in case alone, or are too long, get a mark of their
own. The name in a file counts, not its place: a file that was moved stays that prompt's file.
"""

import os
import unicodedata
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from pilothouse.errors import ConfigError

__all__ = ["SUFFIX", "apart", "files_under", "name_of", "place_of", "put", "taken_by"]

SUFFIX = ".prompt.md"
_PLAIN = frozenset("-_.~+ ,()[]&'=!")
_MOST_BYTES = 180
"""Of a part's name; file systems take 255, and the suffix and a mark come to it."""
_DEVICES = frozenset(("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))))


def place_of(name: str) -> Path:
    """The file's place below the folder."""
    *folders, last = name.split("/")
    return Path(*(_part(one, folder=True) for one in folders), f"{_part(last)}{SUFFIX}")


def name_of(place: Path) -> str:
    """The name that a file at this place below the folder has where it says none itself."""
    parts = [*place.parts[:-1], place.name.removesuffix(SUFFIX)]
    return "/".join(map(_unescaped, parts))


def taken_by(place: Path) -> str:
    """A key under which two places are one to a file system that knows no case, or writes accents otherwise."""
    return unicodedata.normalize("NFC", place.as_posix()).casefold()


def apart(place: Path, name: str) -> Path:
    """Another place for it, where its own is another prompt's."""
    return place.with_name(f"{place.name.removesuffix(SUFFIX)}{_mark(name)}{SUFFIX}")


def files_under(folder: Path) -> Iterator[Path]:
    """The prompt files in the folder, by their places; links lead nowhere."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if name.endswith(SUFFIX) and not path.is_symlink():
                yield path.relative_to(folder)


def put(folder: Path, place: Path, text: str) -> None:
    """Write a file whole or not at all. Raises ConfigError where it cannot be, or would lie outside of the folder."""
    path = folder / place
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"{path}: leads out of {folder} by a link; nothing is written there.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_text(text, encoding="utf-8", newline="")
            if path.exists():
                draft.chmod(path.stat().st_mode & 0o777)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}.") from None


def _part(text: str, *, folder: bool = False) -> str:
    """One part of a name as one of a path."""
    said = "".join(one if one in _PLAIN or _letter(one) else _hex(one) for one in text)
    if said.startswith(".") or said.partition(".")[0].casefold() in _DEVICES:
        said = _hex(said[0]) + said[1:]
    if said.endswith((".", " ")) or (folder and said.casefold().endswith(SUFFIX)):
        said = said[:-1] + _hex(said[-1])
    if len(said.encode()) > _MOST_BYTES:
        said = said.encode()[:_MOST_BYTES].decode("utf-8", "ignore") + _mark(text)
    return said


def _letter(character: str) -> bool:
    return character.isalnum() and unicodedata.normalize("NFC", character) == character


def _hex(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def _mark(name: str) -> str:
    return f"~{blake2b(name.encode(), digest_size=4).hexdigest()}"


def _unescaped(part: str) -> str:
    raw, rest = bytearray(), part.encode()
    while rest:
        if rest[:1] == b"%" and len(rest) > 2 and all(digit in b"0123456789ABCDEF" for digit in rest[1:3]):
            raw.append(int(rest[1:3], 16))
            rest = rest[3:]
        else:
            raw += rest[:1]
            rest = rest[1:]
    return raw.decode("utf-8", "replace")
