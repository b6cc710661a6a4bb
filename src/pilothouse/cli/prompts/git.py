"""What git knows of a prompt file: the contents that it had in the past of the branch that is checked out."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from pilothouse.errors import ConfigError
from pilothouse.prompts.files import read

__all__ = ["past_hashes"]

_MOST_COMMITS = 500
_SECONDS = 30


def past_hashes(path: Path) -> Iterator[str]:
    """The hash of the prompt in each commit that changed the file, the newest first. None of them where there is no
    git, no repository, or no history, as after a shallow clone."""
    log = _git(path, "log", f"--max-count={_MOST_COMMITS}", "--format=%H", "--", f"./{path.name}")
    for commit in (log or "").split():
        text = _git(path, "show", f"{commit}:./{path.name}")
        if text is None:
            continue
        try:
            yield read(text, path, path.name).content.hash
        except ConfigError:
            continue


def _git(path: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(path.parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS)
        return done.stdout.decode() if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
