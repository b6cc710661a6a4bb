import os
from pathlib import Path

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.rag.files import Survey, existing, survey
from pilothouse.rag.loaders import Loaders

from .made import write_notes

LOADERS = Loaders()


def look(*paths: Path, max_bytes: int = 1000) -> Survey:
    return survey(paths, LOADERS, max_bytes)


def names(seen: Survey) -> list[str]:
    return [found.name for found in seen.found]


def test_a_folder_is_walked_in_order(tmp_path: Path) -> None:
    write_notes(tmp_path, {"b.md": "", "a.txt": "", "sub/deep/d.md": "", "sub/c.HTML": "", "z.md": ""})
    assert names(look(tmp_path)) == ["a.txt", "b.md", "z.md", "sub/c.HTML", "sub/deep/d.md"]


def test_hidden_and_unknown_files_are_left_out(tmp_path: Path) -> None:
    write_notes(tmp_path, {"a.md": "", ".hidden.md": "", ".git/x.md": "", "b.xyz": "", "c.xyz": "", "Makefile": ""})
    seen = look(tmp_path)
    assert names(seen) == ["a.md"]
    assert seen.skipped == {".xyz": 2, "Makefile": 1}
    assert seen.troubles == []


def test_links_are_followed_once(tmp_path: Path) -> None:
    write_notes(tmp_path, {"docs/a.md": "", "docs/sub/b.md": "", "outside/c.md": ""})
    (tmp_path / "docs" / "sub" / "loop").symlink_to(tmp_path / "docs")
    (tmp_path / "docs" / "twice").symlink_to(tmp_path / "outside")
    (tmp_path / "docs" / "zagain").symlink_to(tmp_path / "outside")
    assert names(look(tmp_path / "docs")) == ["a.md", "sub/b.md", "twice/c.md"]


def test_broken_links_are_reported(tmp_path: Path) -> None:
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere.md")
    (tmp_path / "self.md").symlink_to(tmp_path / "self.md")
    troubles = [(trouble.name, trouble.reason.partition(":")[0]) for trouble in look(tmp_path).troubles]
    assert troubles == [("gone.md", "cannot be read"), ("self.md", "cannot be read")]


def test_large_and_special_files_are_reported(tmp_path: Path) -> None:
    (tmp_path / "large.txt").write_text("x" * 1001)
    os.mkfifo(tmp_path / "pipe.txt")
    troubles = {trouble.name: trouble.reason for trouble in look(tmp_path).troubles}
    assert troubles["large.txt"].startswith("is larger than 0 MB")
    assert troubles["pipe.txt"] == "is no regular file."


def test_a_file_asked_for_by_name_needs_a_loader(tmp_path: Path) -> None:
    write_notes(tmp_path, {"a.md": "", "b.xyz": ""})
    seen = look(tmp_path / "a.md", tmp_path / "b.xyz")
    assert names(seen) == ["a.md"]
    assert "no loader reads '.xyz' files; there are: .docx" in seen.troubles[0].reason


def test_a_file_is_found_once(tmp_path: Path) -> None:
    write_notes(tmp_path, {"sub/a.md": ""})
    assert names(look(tmp_path / "sub", tmp_path, tmp_path / "sub" / "a.md")) == ["a.md"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nowhere", "nowhere: there is no such file or folder."),
        ("n" * 300, "nnn: cannot be opened: File name too long."),
        ("~nosuchuser/docs", "~nosuchuser/docs: is no path: "),
        ("a\0b", "is no path: embedded null byte."),
        ("\ud800", "its name is not UTF-8"),
    ],
)
def test_what_is_no_path_is_refused(path: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        existing(Path(path))
    assert words in caught.value.message
    caught.value.message.encode()
    with pytest.raises(InvalidRequest):
        look(Path(path))


def test_a_name_that_is_not_utf_8_is_reported(tmp_path: Path) -> None:
    write_notes(tmp_path, {"a.md": ""})
    (tmp_path / os.fsdecode(b"caf\xe9.md")).touch()
    (tmp_path / os.fsdecode(b"b.x\xe9")).touch()
    seen = look(tmp_path)
    assert names(seen) == ["a.md"]
    assert [(t.name, t.reason) for t in seen.troubles] == [("caf?.md", "its name is not UTF-8, rename it.")]
    assert seen.skipped == {".x?": 1}


def test_a_link_that_may_not_be_followed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notes(tmp_path, {"a.md": "", "b.md": ""})
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        if path.name == "b.md":
            raise PermissionError(13, "Permission denied")
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    seen = look(tmp_path)
    assert names(seen) == ["a.md"]
    assert [(t.name, t.reason) for t in seen.troubles] == [("b.md", "cannot be read: Permission denied.")]


def test_what_was_walked_covers_what_is_below(tmp_path: Path) -> None:
    write_notes(tmp_path, {"docs/a.md": "", "other/b.md": ""})
    seen = look(tmp_path / "docs", tmp_path / "other" / "b.md")
    assert seen.covers(tmp_path / "docs" / "deleted.md")
    assert not seen.covers(tmp_path / "other" / "c.md")


def test_a_folder_that_cannot_be_opened_covers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_notes(tmp_path, {"a.md": "", "locked/b.md": ""})
    real = os.scandir

    def scandir(path: Path) -> object:
        if path == tmp_path / "locked":  # permissions do not bind the user root, who may run the tests
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    seen = look(tmp_path)
    assert names(seen) == ["a.md"]
    assert [(t.name, t.reason) for t in seen.troubles] == [("locked", "cannot be opened: Permission denied.")]
    assert not seen.covers(tmp_path / "locked" / "b.md")
    assert seen.covers(tmp_path / "c.md")
