"""A file as editors, copies and Kubernetes change it."""

import os
from pathlib import Path

import pytest

from pilothouse.errors import ConfigError
from pilothouse.lifecycle.watch import FileWatch


@pytest.fixture
def watch(tmp_path: Path) -> FileWatch:
    (tmp_path / "a.yaml").write_text("one")
    watch = FileWatch(tmp_path / "a.yaml")
    assert watch.read() == "one"
    assert [watch.poll() for _ in range(3)] == [None, None, None], "what was read is not new"
    return watch


def test_a_changed_file_is_read_once_it_has_settled(watch: FileWatch) -> None:
    watch.path.write_text("half")
    assert watch.poll() is None
    watch.path.write_text("half and more")
    assert watch.poll() is None, "it changed again in between"
    assert watch.poll() == "half and more"
    assert watch.poll() is None


def test_a_replaced_file_of_the_same_size_and_time_is_noticed(watch: FileWatch) -> None:
    other = watch.path.with_name("other")
    other.write_text("two")
    before = watch.path.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(watch.path)
    assert [watch.poll(), watch.poll()] == [None, "two"]


def test_a_link_that_points_elsewhere_is_noticed(tmp_path: Path) -> None:
    """As Kubernetes changes a ConfigMap: `..data` points to another folder."""
    for name in ("v1", "v2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.yaml").write_text(name)
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    watch = FileWatch(tmp_path / "a.yaml")
    assert watch.read() == "v1"
    (tmp_path / "..tmp").symlink_to("v2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    assert [watch.poll(), watch.poll()] == [None, "v2"]


def test_a_touched_file_and_one_that_is_gone_change_nothing(watch: FileWatch) -> None:
    os.utime(watch.path, ns=(1, 1))
    assert [watch.poll(), watch.poll()] == [None, None]
    watch.path.unlink()
    assert [watch.poll(), watch.poll(), watch.read()] == [None, None, None]
    watch.path.write_text("one")
    assert [watch.poll(), watch.poll()] == [None, None]
    watch.path.write_text("two")
    assert [watch.poll(), watch.poll()] == [None, "two"]


def test_what_could_not_be_dealt_with_is_told_again(watch: FileWatch) -> None:
    watch.path.write_text("two")
    assert watch.read() == "two"
    watch.forget()
    assert [watch.poll(), watch.poll()] == [None, "two"]


def test_a_file_that_is_no_text_is_told_once(watch: FileWatch) -> None:
    watch.path.write_bytes(b"\xff")
    assert watch.poll() is None
    with pytest.raises(ConfigError, match=r"a\.yaml: is not UTF-8"):
        watch.poll()
    assert watch.poll() is None
