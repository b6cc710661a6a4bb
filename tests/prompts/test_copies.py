import os
from pathlib import Path

import pytest

from pilothouse.prompts import copies
from pilothouse.prompts.copies import Copies


@pytest.fixture
def kept(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "prompts", ["http://here", "key"])


def test_a_copy_is_for_its_user_and_its_registry_alone(kept: Copies, tmp_path: Path) -> None:
    kept.put({"template": "Grüß Gott"}, "a/b", "production")
    assert kept.get("a/b", "production") == {"template": "Grüß Gott"}
    (path,) = (tmp_path / "prompts").iterdir()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert Copies(tmp_path / "prompts", ["http://here", "other"]).get("a/b", "production") is None
    kept.drop("a/b", "production")
    kept.drop("a/b", "production")
    assert kept.get("a/b", "production") is None


@pytest.mark.parametrize("damage", [b"", b"\0" * 40, b"x\n{}", None])
def test_a_damaged_copy_is_none(kept: Copies, tmp_path: Path, damage: bytes | None) -> None:
    kept.put({"a": 1}, "name")
    (path,) = (tmp_path / "prompts").iterdir()
    path.write_bytes(path.read_bytes()[:-2] if damage is None else damage)
    assert kept.get("name") is None
    kept.put({"a": 2}, "name")
    assert kept.get("name") == {"a": 2}


def test_where_nothing_can_be_written_there_are_none_and_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "prompts").write_text("a file")
    kept = Copies(tmp_path / "prompts", [])
    kept.put({}, "a")
    kept.put({}, "b")
    assert (kept.get("a"), len(caplog.records)) == (None, 1)


def test_the_oldest_go(kept: Copies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copies, "_MOST_FILES", 3)
    monkeypatch.setattr(copies, "_TRIM_EVERY", 2)
    monkeypatch.setattr(copies, "_MOST_BYTES", 50)
    for number in range(5):
        kept.put({"n": number}, str(number))
        for path in (tmp_path / "prompts").iterdir():
            os.utime(path, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
    kept.put({"large": "x" * 60}, "large")
    assert [kept.get(str(number)) for number in range(5)] == [None, None, {"n": 2}, {"n": 3}, {"n": 4}]
    assert kept.get("large") is None
