"""Finds the files to ingest below some paths: sorted, without hidden ones, safe against loops of links.

Knows nothing of what is in them.
"""

import os
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pilothouse.errors import InvalidRequest
from pilothouse.rag.loaders import Loaders

__all__ = ["Found", "Survey", "Trouble", "existing", "survey"]

MAX_FILE_BYTES = 256 * 1024 * 1024
_NOT_UTF8 = "its name is not UTF-8, rename it"


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read. `name` is its path below the ingested folder `root`, with '/' between the parts."""

    path: Path
    root: Path
    name: str
    size: int
    modified_us: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """A file or folder that cannot be taken, and why. `path` is absolute."""

    path: Path
    name: str
    reason: str


@dataclass(slots=True)
class Survey:
    """What lies below some paths. `skipped` counts files without a loader by their suffix; `roots` are the folders
    that were walked."""

    found: list[Found] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    roots: list[Path] = field(default_factory=list)

    def covers(self, path: Path) -> bool:
        """Whether a file at `path` would have been seen, so that its absence means it is gone."""
        if any(path == trouble.path or trouble.path in path.parents for trouble in self.troubles):
            return False
        return any(root in path.parents for root in self.roots)


def existing(path: Path) -> Path:
    """The absolute path of a file or folder that is there. Raises InvalidRequest for anything else."""
    try:
        whole = path.expanduser().absolute()
        whole.stat()
        str(whole).encode()
    except FileNotFoundError:
        reason = "there is no such file or folder"
    except OSError as error:
        reason = f"cannot be opened: {error.strerror}"
    except UnicodeEncodeError:
        reason = _NOT_UTF8
    except (RuntimeError, ValueError) as error:  # no such user; a NUL
        reason = f"is no path: {error}"
    else:
        return whole
    raise InvalidRequest(f"{_readable(str(path))}: {reason}.", param="paths")


def survey(paths: Sequence[Path], loaders: Loaders, max_bytes: int = MAX_FILE_BYTES) -> Survey:
    """Look at files and folders. Raises InvalidRequest for a path that does not exist."""
    result = Survey()
    seen: set[Path] = set()
    for given in paths:
        path = existing(given).resolve()
        if path.is_dir():
            result.roots.append(path)
            entries = _walk(path, result)
            root = path
        else:
            entries, root = iter([path]), path.parent
        for entry in entries:
            if entry not in seen:
                seen.add(entry)
                _take(entry, root, result, loaders, max_bytes, asked_for=entry == path)
    return result


def _walk(root: Path, result: Survey) -> Iterator[Path]:
    """The files below `root`, in the order of their names. Each real folder is entered once, whatever links to it."""
    entered: set[tuple[int, int]] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            facts = folder.stat()
            if (facts.st_dev, facts.st_ino) in entered:
                continue
            entered.add((facts.st_dev, facts.st_ino))
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except OSError as error:
            name = _readable(_name(folder, root))
            result.troubles.append(Trouble(folder, name, f"cannot be opened: {error.strerror}."))
            continue
        below = [folder / name for name in names]
        folders = {path for path in below if _is_folder(path)}
        yield from (path for path in below if path not in folders)
        waiting.extend(path for path in reversed(below) if path in folders)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # told when it is taken as a file
        return False


def _take(path: Path, root: Path, result: Survey, loaders: Loaders, max_bytes: int, *, asked_for: bool) -> None:
    raw_name = _name(path, root)
    name = _readable(raw_name)
    if not loaders.knows(path):
        if asked_for:
            known = " ".join(loaders.suffixes)
            result.troubles.append(Trouble(path, name, f"no loader reads '{path.suffix}' files; there are: {known}"))
        else:
            result.skipped[_readable(path.suffix.lower() or path.name)] += 1
        return
    try:
        facts = path.stat()
    except OSError as error:
        result.troubles.append(Trouble(path, name, f"cannot be read: {error.strerror}."))
        return
    if name != raw_name:
        result.troubles.append(Trouble(path, name, f"{_NOT_UTF8}."))
    elif not stat.S_ISREG(facts.st_mode):
        result.troubles.append(Trouble(path, name, "is no regular file."))
    elif facts.st_size > max_bytes:
        reason = f"is larger than {max_bytes / 1024**2:.0f} MB ({facts.st_size / 1024**2:.0f} MB)."
        result.troubles.append(Trouble(path, name, reason))
    else:
        result.found.append(Found(path, root, name, facts.st_size, facts.st_mtime_ns // 1000))


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path != root else root.name


def _readable(name: str) -> str:
    """The name with question marks for what is not UTF-8, which Python keeps as lone surrogates (PEP 383)."""
    return name.encode("utf-8", "replace").decode()
