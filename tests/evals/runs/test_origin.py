"""Where a run comes from: CI's word before git's, and nothing where neither knows."""

import subprocess
from pathlib import Path

import pytest

from pilothouse.evals.runs.origin import origin


def test_ci_says_it(tmp_path: Path) -> None:
    env = {"GITHUB_HEAD_REF": "feature", "GITHUB_REF_NAME": "12/merge", "GITHUB_SHA": "abc"}
    assert origin(tmp_path, env) == {"branch": "feature", "commit": "abc"}


def test_git_says_it_and_nothing_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert origin(tmp_path, {}) == origin(tmp_path / "none", {}) == {}
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q", "-b", "trunk"), (*who, "commit", "-q", "--allow-empty", "-m", "one")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    told = origin(tmp_path, {})
    assert (told["branch"], len(told["commit"])) == ("trunk", 40)
