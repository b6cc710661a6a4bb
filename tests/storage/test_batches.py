"""Batches as callers see them."""

from typing import Any

import pytest

from pilothouse.errors import Conflict, NotFound
from pilothouse.storage import Store
from pilothouse.storage.batch_leases import BatchLeases
from pilothouse.storage.batches import Batch, BatchStore
from pilothouse.types import Usage


@pytest.fixture
def batches(store: Store, clock: Any) -> BatchStore:
    return BatchStore(store.control, clock)


def create(batches: BatchStore, **more: Any) -> Batch:
    return batches.create("p", key_id="k", client_ip="::1", endpoint="/v1/embeddings", input_file_id="file-1", **more)


def test_a_new_batch_is_to_be_validated(batches: BatchStore, clock: Any) -> None:
    batch = create(batches, metadata={"a": "b"})
    assert batches.get("p", batch.id) == batch
    told = batch.to_json()
    assert (told["status"], told["expires_at"] - told["created_at"]) == ("validating", 86_400)
    assert told["metadata"] == {"a": "b"}
    assert told["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert all(told[f"{name}_at"] is None for name in ("in_progress", "completed", "cancelled", "expired"))


def test_a_project_sees_its_own_newest_first(batches: BatchStore, clock: Any) -> None:
    made = []
    for _ in range(3):
        clock.forward(1)
        made.append(create(batches))
    assert batches.list("p", limit=2) == [made[2], made[1]]
    assert batches.list("p", after=made[1].id) == [made[0]]
    assert batches.list("q") == []
    with pytest.raises(NotFound):
        batches.get("q", made[0].id)
    with pytest.raises(NotFound):
        batches.cancel("q", made[0].id)


def test_cancelling_is_noted_once_and_only_while_it_runs(batches: BatchStore, store: Store, clock: Any) -> None:
    batch = create(batches)
    clock.forward(5)
    stopping = batches.cancel("p", batch.id)
    clock.forward(5)
    assert batches.cancel("p", batch.id) == stopping
    assert stopping.times == {"cancelling": batch.created_us // 1_000_000 + 5}
    leases = BatchLeases(store.control, clock=clock)
    claimed = leases.claim()
    assert claimed is not None
    assert leases.finish(claimed, "cancelled")
    with pytest.raises(Conflict, match="'cancelled'"):
        batches.cancel("p", batch.id)


def test_usage_is_summed(batches: BatchStore) -> None:
    batch = create(batches)
    told = batch.with_usage([Usage(10, 5, 3, 0, 2), Usage(1, 1)])
    assert told["total_tokens"] == 17
    assert told["input_tokens_details"] == {"cached_tokens": 3}
    assert told["output_tokens_details"] == {"reasoning_tokens": 2}
