"""Erasing what came from a trace or a user: out of every version, which tell how many are gone."""

from collections.abc import Iterator
from pathlib import Path

from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

P = "default"


def test_items_go_out_of_every_version_and_later_hashes_are_of_what_is_left(store: Store) -> None:
    datasets, erasing = Datasets(store), DatasetErasing(store)
    made, other = datasets.create(P, "golden"), datasets.create(P, "other")
    mine = NewItem(input="the Kaiser's new clothes", source_trace="t1", source_user="hashed", key="k")
    datasets.change(P, made, [NewItem(input="a"), mine, NewItem(input="b", source_trace="t2")])
    datasets.change(P, made, [NewItem(input="edited", source_trace="t1", key="k")])
    datasets.change(P, made, remove=["k"])
    datasets.change(P, other, [NewItem(input="b", source_user="hashed")])
    datasets.change("far", datasets.create("far", "golden"), [mine])
    assert erasing.forget_traces(P, ["t1", "t3", "\0"]) == 2
    assert erasing.forget_traces(P, ["t1"]) == erasing.forget_traces(P, []) == 0
    assert erasing.forget_user(P, "hashed") == 1
    versions = datasets.versions(P, made)
    assert [(v.number, v.size, v.erased) for v in versions] == [(3, 2, 0), (2, 3, 1), (1, 3, 1)]
    assert [i.input for i in datasets.items.each(P, made.id, 1)] == ["a", "b"]
    assert datasets.version(P, other, 1).erased == 1
    assert datasets.items.get("far", "k").input == mine.input

    assert datasets.change(P, other, [NewItem(input="c")]).version == 2
    fresh = datasets.create(P, "fresh")
    datasets.change(P, fresh, [NewItem(input="c")])
    assert datasets.version(P, other, 2).hash == datasets.version(P, fresh, 1).hash
    assert datasets.version(P, other, 2).size == 1


def test_what_is_still_arriving_goes_too(store: Store) -> None:
    datasets, erasing = Datasets(store), DatasetErasing(store)
    made = datasets.create(P, "golden")

    def arriving() -> Iterator[NewItem]:
        yield from (NewItem(input=i, source_trace="t1" if i < 2 else None) for i in range(600))
        assert erasing.forget_traces(P, ["t1"]) == 2

    change = datasets.change(P, made, arriving())
    assert (change.added, datasets.version(P, made, 1).size, datasets.version(P, made, 1).erased) == (598, 598, 0)


def test_sqlite_overwrites_what_was_erased(tmp_path: Path) -> None:
    store = open_store(Settings(home=tmp_path))
    datasets = Datasets(store)
    made = datasets.create(P, "golden")
    datasets.change(P, made, [NewItem(input=1, source_trace="of-the-kaiser", key="the-kaisers-key")])
    assert DatasetErasing(store).forget_traces(P, ["of-the-kaiser"]) == 1
    files = [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()]
    store.close()
    assert not [name for name in (b"of-the-kaiser", b"the-kaisers-key") if any(name in data for data in files)]
