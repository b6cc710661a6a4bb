"""Deleting a user or a trace reaches the items of datasets, and the log says how many."""

from pathlib import Path

from pilothouse.access import Actor, Audit
from pilothouse.lifecycle.deletions import DELETED, Deletions
from pilothouse.observe.erasures import user_hash
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.dataset_items import NewItem
from pilothouse.storage.datasets import Datasets


def test_items_of_datasets_go_with_what_they_came_from(tmp_path: Path) -> None:
    store, by = open_store(Settings(home=tmp_path)), Actor("ana", "cli")
    datasets, deletions = Datasets(store), Deletions(store)
    made = datasets.create("default", "golden")
    old = NewItem(input="of a trace that was too old to keep", source_trace="t1", source_user=user_hash("ada"))
    datasets.change("default", made, [old, NewItem(input="a", source_trace="t2"), NewItem(input="b")])
    assert deletions.user(by, "default", "ada").elsewhere == 1
    assert deletions.trace(by, "default", "t2").elsewhere == 1
    assert [item.input for item in datasets.items.each("default", made.id, 1)] == ["b"]
    logged = [entry for entry in Audit(store.control).list("default") if entry.action == DELETED]
    assert [entry.after and entry.after["elsewhere"] for entry in logged] == [1, 1]
    store.close()
