"""Where a run comes from: the branch and the commit that are checked out, as CI or git tell it."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

__all__ = ["origin"]

_BRANCH = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME")
_COMMIT = ("GITHUB_SHA", "CI_COMMIT_SHA")
_SECONDS = 5.0


def origin(folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """`branch` and `commit`, as far as they are known."""
    env = os.environ if env is None else env
    told = {"branch": _first(env, _BRANCH), "commit": _first(env, _COMMIT)}
    if not told["branch"] and not told["commit"]:
        branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
        told = {"branch": "" if branch == "HEAD" else branch, "commit": _git(folder, "rev-parse", "HEAD")}
    return {name: value for name, value in told.items() if value}


def _first(env: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((env[name] for name in names if env.get(name)), "")


def _git(folder: Path, *words: str) -> str:
    """What git says, nothing where there is no git or no repository."""
    try:
        told = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=True
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return told.stdout.strip()
