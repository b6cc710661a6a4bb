import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.errors import ConfigError
from pilothouse.prompts.places import SUFFIX, apart, files_under, name_of, place_of, put, taken_by

PARTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=12),
    st.sampled_from(
        ["..", ".", ".git", "con", "NUL.txt", "a.", "a:b", "%41", "x" + SUFFIX, "é", "e\u0301", "~1", " a"]
    ),
)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@settings(max_examples=150, deadline=None)
@given(NAMES)
def test_every_name_has_a_place_of_its_own_below_the_folder(name: str) -> None:
    place = place_of(name)
    assert not place.is_absolute()
    assert Path(os.path.normpath(place)) == place
    assert ".." not in place.parts
    assert not any(
        part.startswith(".") or part.endswith((".", " ")) or set(part) & set('\\:*?"<>|') for part in place.parts
    )
    assert all(len(part.encode()) <= 255 for part in place.parts)
    assert name_of(place) == name


def test_places_are_readable() -> None:
    assert place_of("support/Answer v2").as_posix() == "support/Answer v2.prompt.md"
    assert place_of("../../etc/passwd").as_posix() == "%2E%2E/%2E%2E/etc/passwd.prompt.md"
    assert place_of("客服/答复").as_posix() == "客服/答复.prompt.md"
    long = "x" * 255
    assert place_of(long) != place_of(long + "y")
    assert place_of("%2E%2E/a") != place_of("../a")


def test_names_that_differ_in_case_alone_lie_apart() -> None:
    first, second = place_of("Rag/Answer"), place_of("rag/answer")
    assert taken_by(first) == taken_by(second)
    assert taken_by(apart(second, "rag/answer")) != taken_by(first)
    assert apart(second, "rag/answer") == apart(second, "rag/answer")


def test_files_are_written_whole_and_inside(tmp_path: Path) -> None:
    folder, outside = tmp_path / "prompts", tmp_path / "outside"
    outside.mkdir()
    put(folder, Path("a/b.prompt.md"), "one\r\n")
    (folder / "a/b.prompt.md").chmod(0o640)
    put(folder, Path("a/b.prompt.md"), "two\r\n")
    assert (folder / "a/b.prompt.md").read_bytes() == b"two\r\n"
    assert (folder / "a/b.prompt.md").stat().st_mode & 0o777 == 0o640
    (folder / "link").symlink_to(outside)
    (folder / "file.prompt.md").symlink_to(outside / "target")
    (folder / ".git").mkdir()
    (folder / ".git/x.prompt.md").write_text("no")
    (folder / "notes.md").write_text("no")
    with pytest.raises(ConfigError, match="leads out of"):
        put(folder, Path("link/deep/c.prompt.md"), "x")
    put(folder, Path("file.prompt.md"), "mine")
    assert not any(outside.iterdir())
    assert [*files_under(folder)] == [Path("file.prompt.md"), Path("a/b.prompt.md")]
    with pytest.raises(ConfigError, match=r"cannot be written"):
        put(folder, Path("notes.md/c.prompt.md"), "x")
    assert sorted(one.name for one in (folder / "a").iterdir()) == ["b.prompt.md"]
