"""Leases on batches: exclusive, lost when they run out; results once each, and none from who lost the lease."""

from typing import Any

import pytest

from pilothouse.storage import Store
from pilothouse.storage.batch_leases import BatchLeases, Result
from pilothouse.storage.batches import Batch, BatchStore
from pilothouse.storage.files import FileStore
from pilothouse.types import Usage


@pytest.fixture
def batches(store: Store, clock: Any) -> BatchStore:
    return BatchStore(store.control, clock)


@pytest.fixture
def leases(store: Store, clock: Any) -> BatchLeases:
    return BatchLeases(store.control, seconds=30, clock=clock)


@pytest.fixture
def claimed(batches: BatchStore, leases: BatchLeases) -> Batch:
    batches.create("p", key_id="k", client_ip="", endpoint="/v1/embeddings", input_file_id="file-1")
    batch = leases.claim()
    assert batch is not None
    begun = leases.begin(batch, 5, "m", "own", None)
    assert begun is not None
    return begun


def test_a_claim_is_exclusive_until_it_runs_out(claimed: Batch, leases: BatchLeases, clock: Any) -> None:
    assert leases.claim() is None
    clock.forward(20)
    assert leases.renew(claimed) == "held"
    clock.forward(20)
    assert leases.claim() is None
    clock.forward(11)
    other = leases.claim()
    assert other is not None
    assert other.id == claimed.id
    assert other.status == "in_progress"
    assert leases.renew(claimed) == "lost"
    assert leases.renew(other) == "held"


def test_each_request_has_one_result(claimed: Batch, batches: BatchStore, leases: BatchLeases) -> None:
    first = [Result(0, b"a", usage=Usage(3, 2)), Result(2, b"c", failed=True)]
    assert leases.add(claimed, first) == "held"
    assert leases.add(claimed, [Result(0, b"again", failed=True), Result(1, b"b", usage=Usage(1, 1))]) == "held"
    assert leases.add(claimed, []) == "held"
    assert leases.done(claimed) == {0, 1, 2}
    assert list(leases.lines(claimed, failed=False)) == [b"a", b"b"]
    assert list(leases.lines(claimed, failed=True)) == [b"c"]
    batch = batches.get("p", claimed.id)
    assert (batch.completed, batch.failed) == (2, 1)
    assert batch.usage is not None
    assert batch.usage["total_tokens"] == 7


def test_who_lost_the_lease_has_no_say(claimed: Batch, batches: BatchStore, leases: BatchLeases, clock: Any) -> None:
    clock.forward(31)
    current = leases.claim()
    assert current is not None
    assert leases.add(claimed, [Result(0, b"late")]) == "lost"
    assert leases.finalizing(claimed) is None
    assert not leases.note_vendor(claimed, {"id": "late"})
    assert not leases.finish(claimed, "completed")
    leases.release(claimed)
    assert leases.done(current) == set()
    assert batches.get("p", claimed.id) == current


def test_many_results_are_read_in_order(claimed: Batch, leases: BatchLeases) -> None:
    numbers = [n * 7 % 1201 for n in range(1201)]
    leases.add(claimed, [Result(n, b"%d" % n) for n in numbers])
    assert [int(line) for line in leases.lines(claimed, failed=False)] == list(range(1201))


def test_cancelling_reaches_who_works_on_it(claimed: Batch, batches: BatchStore, leases: BatchLeases) -> None:
    batches.cancel("p", claimed.id)
    assert leases.renew(claimed) == "cancel"
    assert leases.add(claimed, [Result(0, b"was being asked")]) == "cancel"
    assert leases.done(claimed) == {0}
    assert leases.begin(claimed, 5, "m", "own", None) is None


def test_the_end_and_its_files_are_seen_in_the_same_moment(
    claimed: Batch, batches: BatchStore, leases: BatchLeases, store: Store, clock: Any
) -> None:
    files = FileStore(store.control, clock)
    leases.add(claimed, [Result(0, b"a")])
    writer = files.begin("p", "batch_output", "out.jsonl")
    writer.add(b"a\n")
    writer.flush(last=True)
    assert files.list("p") == []
    finalizing = leases.finalizing(claimed)
    assert finalizing is not None
    assert leases.finish(finalizing, "completed", writer)
    ended = batches.get("p", claimed.id)
    assert (ended.status, ended.output_file_id, ended.lease) == ("completed", writer.id, None)
    assert {"in_progress", "finalizing", "completed"} <= ended.times.keys()
    assert [file.id for file in files.list("p")] == [writer.id]
    assert leases.done(claimed) == set()  # the file has them now
    assert leases.claim() is None
    assert not leases.finish(finalizing, "failed")


def test_a_batch_that_was_released_is_free_at_once(claimed: Batch, leases: BatchLeases) -> None:
    leases.release(claimed)
    assert leases.claim() is not None
