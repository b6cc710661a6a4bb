"""Files in parts: seen only once they are complete, read back as they were, per project, deleted and purged."""

import random
from typing import Any

import pytest

from pilothouse.errors import Conflict, NotFound
from pilothouse.storage import Store
from pilothouse.storage.batches import BatchStore
from pilothouse.storage.files import PART, FileStore, StoredFile

DAY = 86_400


@pytest.fixture
def files(store: Store, clock: Any) -> FileStore:
    return FileStore(store.control, clock)


def put(files: FileStore, content: bytes, keep_s: float | None = None, step: int = 300_000) -> StoredFile:
    writer = files.begin("p", "batch", "in.jsonl")
    writer.keep_s = keep_s
    for at in range(0, len(content), step):
        writer.add(content[at : at + step])
        writer.flush()
    return files.complete("p", writer)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 17])
def test_what_was_written_is_read(files: FileStore, size: int) -> None:
    content = random.Random(size).randbytes(size)
    stored = put(files, content)
    assert stored.bytes == size
    assert b"".join(files.parts("p", stored.id)) == content
    assert files.get("p", stored.id) == stored


def test_nobody_sees_a_file_before_it_is_complete(files: FileStore) -> None:
    writer = files.begin("p", "batch", "in.jsonl")
    writer.add(b"x" * (2 * PART))
    writer.flush()
    with pytest.raises(NotFound):
        files.get("p", writer.id)
    assert files.list("p") == []
    writer.discard()
    assert files.part("p", writer.id, 0) is None


def test_what_a_thread_still_writes_of_a_file_that_was_discarded_is_not_kept(files: FileStore) -> None:
    writer = files.begin("p", "batch", "in.jsonl")
    writer.add(b"x" * (2 * PART))
    writer.discard()
    writer.flush()
    assert files.part("p", writer.id, 0) is None
    with pytest.raises(NotFound):
        files.complete("p", writer)


def test_lines_cross_the_borders_of_parts(files: FileStore) -> None:
    lines = [bytes([65 + n % 26]) * (n * 7919 % 40_000) for n in range(200)] + [b"y" * (3 * PART), b"end"]
    stored = put(files, b"\n".join(lines))
    assert list(files.lines("p", stored.id)) == lines
    assert list(files.lines("p", put(files, b"a\n\nb\n").id)) == [b"a", b"", b"b"]
    assert list(files.lines("p", put(files, b"").id)) == []


def test_a_project_sees_its_own(files: FileStore) -> None:
    stored = put(files, b"x")
    with pytest.raises(NotFound):
        files.get("q", stored.id)
    with pytest.raises(NotFound):
        files.delete("q", stored.id)
    assert files.list("q") == []


def test_lists_go_on_where_they_ended(files: FileStore, clock: Any) -> None:
    made = []
    for n in range(5):
        clock.forward(1)
        made.append(put(files, bytes([n])))
    assert files.list("p", limit=2) == [made[4], made[3]]
    assert files.list("p", limit=2, after=made[3].id) == [made[2], made[1]]
    assert files.list("p", limit=9, after=made[3].id, newest_first=False) == [made[4]]
    assert files.list("p", purpose="vision") == []


def test_deleting_takes_the_content_along_but_not_from_a_batch(files: FileStore, store: Store, clock: Any) -> None:
    stored = put(files, b"x")
    batches = BatchStore(store.control, clock)
    batch = batches.create("p", key_id="k", client_ip="", endpoint="/v1/embeddings", input_file_id=stored.id)
    with pytest.raises(Conflict, match=batch.id):
        files.delete("p", stored.id)
    other = put(files, b"y")
    files.delete("p", other.id)
    assert files.part("p", other.id, 0) is None
    with pytest.raises(NotFound):
        files.delete("p", other.id)


def test_what_expired_or_was_never_completed_is_purged(files: FileStore, store: Store, clock: Any) -> None:
    kept, expires = put(files, b"kept"), put(files, b"expires", keep_s=3600)
    read = put(files, b"read", keep_s=3600)
    BatchStore(store.control, clock).create("p", key_id="k", client_ip="", endpoint="e", input_file_id=read.id)
    broken = files.begin("p", "batch", "broken")
    broken.add(b"z" * PART)
    broken.flush()
    assert files.purge() == 0
    clock.forward(3601)
    with pytest.raises(NotFound):
        files.get("p", expires.id)
    assert files.purge() == 1
    clock.forward(DAY)
    assert files.purge() == 1
    assert [files.part("p", x, 0) for x in (kept.id, expires.id, broken.id, read.id)] == [b"kept", None, None, b"read"]
