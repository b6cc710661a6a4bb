"""Notices that a file was written anew, and reads it only once it is whole. Knows nothing of what stands in it.

A file is read when it looked the same at two polls: editors and copies write in several steps. One that another file
replaced (editors, `mv`, the symlinks of a Kubernetes ConfigMap) is seen by its inode.
"""

from pathlib import Path

from pilothouse.errors import ConfigError

__all__ = ["FileWatch"]

_Stamp = tuple[int, int, int, int]


class FileWatch:
    """The text of `path` as it changes. Call `poll` about every second; a file that is gone changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text: str | None = None
        self._read: _Stamp | None = None
        self._settling: _Stamp | None = None

    def poll(self) -> str | None:
        """The new text once it has settled, else None. Raises ConfigError when the file is there and not readable."""
        stamp = self._stamp()
        if stamp is None or stamp == self._read:
            return None
        if stamp != self._settling:
            self._settling = stamp
            return None
        self._read = stamp
        return self._new(stamp)

    def read(self) -> str | None:
        """The text if it is new, without waiting for it to settle; polls read it again. Raises ConfigError."""
        stamp = self._stamp()
        self._read = None
        return None if stamp is None else self._new(stamp)

    def forget(self) -> None:
        """Take the text for new at the next poll: it could not be dealt with."""
        self.text = self._read = None

    def _new(self, stamp: _Stamp) -> str | None:
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}.") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{self.path}: is not UTF-8 text.") from None
        if self._stamp() != stamp:  # written while we read: wait until it settles again
            self._read = self._settling = None
            return None
        if text == self.text:
            return None
        self.text = text
        return text

    def _stamp(self) -> _Stamp | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
