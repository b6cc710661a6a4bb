"""Datasets: versions that never change, items that are there once, whoever else writes."""

import re
import threading
from dataclasses import replace
from typing import Any

import pytest

from pilothouse.errors import Conflict, InvalidRequest, NotFound, StorageError
from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets
from pilothouse.storage.keyring import new_key
from pilothouse.storage.rotation import Rotation
from pilothouse.storage.tables import dataset_items

P = "default"


@pytest.fixture
def datasets(store: Store) -> Datasets:
    return Datasets(store)


@pytest.fixture
def made(datasets: Datasets) -> Dataset:
    return datasets.create(P, "golden", description="for releases", metadata={"owner": "ana"})


def inputs(datasets: Datasets, made: Dataset, version: int) -> list[Any]:
    return [item.input for item in datasets.items.each(P, made.id, version)]


def new(*names: str, **more: Any) -> list[NewItem]:
    return [NewItem(input=name, **more) for name in names]


def test_a_version_is_what_it_was_whatever_comes_after(datasets: Datasets, made: Dataset) -> None:
    first = datasets.change(P, made, new("a", "b", "a"), author="ana", note="begun")
    assert (first.version, first.added, first.unchanged) == (1, 2, 1)
    a, b = datasets.items.page(P, made.id, 1).items
    whole = NewItem(input={"q": ["b"]}, expected=2.5, context=("x",), metadata={"n": None}, split="test", key=b.key)
    second = datasets.change(P, made, [*new("a", "c"), whole], base=1)
    assert (second.version, second.added, second.changed, second.unchanged) == (2, 1, 1, 1)
    third = datasets.change(P, made, remove=[a.key, "unknown", "\0"])
    assert (third.version, third.removed) == (3, 1)
    assert inputs(datasets, made, 1) == ["a", "b"]
    assert inputs(datasets, made, 2) == ["a", {"q": ["b"]}, "c"]
    assert inputs(datasets, made, 3) == [{"q": ["b"]}, "c"]
    changed = datasets.items.get(P, b.key)
    assert (changed.input, changed.expected, changed.context, changed.metadata, changed.split) == (
        {"q": ["b"]}, 2.5, ("x",), {"n": None}, "test",
    )  # fmt: skip
    assert datasets.items.get(P, b.key, made.id, version=1).input == "b" == datasets.items.exact(P, b.id).input
    assert datasets.items.exact(P, changed.id) == changed
    versions = datasets.versions(P, datasets.get(P, "golden"))
    assert [(v.number, v.size, v.added, v.changed, v.removed) for v in versions] == [
        (3, 2, 0, 0, 1), (2, 3, 1, 1, 0), (1, 2, 2, 0, 0),
    ]  # fmt: skip
    assert (versions[-1].author, versions[-1].note) == ("ana", "begun")
    assert [v.number for v in datasets.versions(P, made, before=3, limit=1)] == [2]
    assert datasets.items.splits(P, made.id, 3) == {"test": 1, None: 1}


def test_the_same_again_makes_no_version(datasets: Datasets, made: Dataset) -> None:
    items = [*new("a", "b"), NewItem(input="c", key="c"), NewItem(input="a", source_trace="t1")]
    assert datasets.change(P, made, items).added == 4
    again = datasets.change(P, made, items)
    assert (again.version, again.added, again.unchanged) == (1, 0, 4)
    assert datasets.change(P, made, items, replace=True).version == 1
    assert datasets.change(P, made).version == 1


def test_equal_sets_have_equal_hashes_in_whatever_order_and_way(datasets: Datasets, made: Dataset) -> None:
    datasets.change(P, made, new("a", "b", "c"))
    other = datasets.create("other", "golden")
    datasets.change("other", other, new("c", "x"))
    datasets.change("other", other, new("b", "c", "a"), replace=True)
    mine, theirs = datasets.version(P, datasets.get(P, "golden")), datasets.version("other", other, 2)
    assert mine.hash == theirs.hash != datasets.version("other", other, 1).hash
    assert (theirs.added, theirs.removed, theirs.size) == (2, 1, 3)
    assert datasets.version(P, made, 0).size == 0


def test_a_diff_tells_what_was_added_removed_and_changed(datasets: Datasets, made: Dataset) -> None:
    datasets.change(P, made, [NewItem(input=i, key=f"k{i}") for i in range(5)])
    datasets.change(P, made, [NewItem(input=9, key="k3"), *new("new")], remove=["k1", "k2"])
    datasets.change(P, made, [NewItem(input=2, key="k2")])  # as it was
    diff = datasets.items.diff(P, made.id, 1, 3, limit=2)
    assert (diff.added, diff.removed, diff.changed) == (1, 1, 1)
    rest = datasets.items.diff(P, made.id, 1, 3, limit=2, after=diff.next)
    assert rest.next is None
    told = [(d.kind, d.old and d.old.input, d.new and d.new.input) for d in (*diff.page, *rest.page)]
    assert told == [("removed", 1, None), ("changed", 3, 9), ("added", None, "new")]
    back = datasets.items.diff(P, made.id, 3, 1)
    assert [d.kind for d in back.page] == ["added", "changed", "removed"]
    assert inputs(datasets, made, 3) == [0, 2, 9, 4, "new"]


def test_pages_join_without_gap_or_overlap(datasets: Datasets, made: Dataset) -> None:
    datasets.change(P, made, [NewItem(input=i, split="odd" if i % 2 else "even") for i in range(1203)])
    datasets.change(P, made, [NewItem(input="x", key=datasets.items.page(P, made.id, 1, limit=1).items[0].key)])
    assert inputs(datasets, made, 1) == [*range(1203)]
    assert inputs(datasets, made, 2) == ["x", *range(1, 1203)]
    odd = datasets.items.page(P, made.id, 2, split="odd", limit=3)
    assert [item.input for item in odd.items] == [1, 3, 5]
    assert datasets.items.page(P, made.id, 2, split="odd", after=odd.next, limit=1).items[0].input == 7


def test_versions_and_items_are_found_by_time_trace_and_id(datasets: Datasets, made: Dataset) -> None:
    other = datasets.create(P, "other")
    datasets.change(P, made, [NewItem(key="1", input="a", source_trace="t", source_span="s"), *new("b", "c")])
    datasets.change(P, other, [NewItem(key="1", input="x", source_trace="t")])
    datasets.change(P, made, remove=["1"])
    newest = datasets.version(P, datasets.get(P, made.id))
    first = datasets.version(P, made, 1)
    assert [datasets.version_at(P, made, at).number for at in (0, first.created_us, newest.created_us)] == [0, 1, 2]
    assert datasets.made_at(P, made.id, [2, 1, 7]) == {1: first.created_us, 2: newest.created_us}
    assert [item.input for item in datasets.items.page(P, made.id, 1, skip=1, limit=1).items] == ["b"]
    assert datasets.items.elsewhere(P, made.id, ["1", "2"]) == {"1"}
    assert datasets.items.elsewhere(P, made.id, []) == set()
    assert [item.input for item in datasets.items.of_trace(P, "t")] == ["x"]
    assert datasets.items.of_trace(P, "t", span="s") == []
    assert datasets.items.of_trace(P, "t", dataset_id=made.id) == []


def test_two_writers_never_make_the_same_version(datasets: Datasets, made: Dataset) -> None:
    start, found, lost = threading.Barrier(4), list[int](), list[Exception]()

    def writes(mine: int) -> None:
        start.wait()
        for i in range(5):
            try:
                found.append(datasets.change(P, made, new("both", f"{mine}-{i}")).version)
            except Exception as error:  # noqa: BLE001 - told below
                lost.append(error)

    writers = [threading.Thread(target=writes, args=(mine,)) for mine in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert lost == []
    assert sorted(found) == [*range(1, 21)]
    items = inputs(datasets, made, 20)
    assert len(items) == len(set(items)) == 21
    fresh = datasets.create(P, "fresh")
    datasets.change(P, fresh, new(*items))
    assert datasets.version(P, fresh, 1).hash == datasets.version(P, made, 20).hash


def test_nothing_is_half_written(datasets: Datasets, made: Dataset, store: Store) -> None:
    datasets.change(P, made, new("a"))

    def broken() -> Any:
        yield from new(*map(str, range(700)))
        assert inputs(datasets, made, 2) == ["a"]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        datasets.change(P, made, broken(), replace=True)
    with pytest.raises(InvalidRequest, match="Item 2: this is not JSON") as error:
        datasets.change(P, made, [*new("b"), NewItem(input=object())])
    assert error.value.param == "input"
    with pytest.raises(InvalidRequest, match="the id 'k' and are not the same"):
        datasets.change(P, made, [NewItem(input=i, key="k") for i in range(2)])
    with pytest.raises(InvalidRequest, match="Item 1: 'id' must be"):
        datasets.change(P, made, [NewItem(input=1, key="a\0b")])
    with pytest.raises(Conflict, match="is 1, not 7"):
        datasets.change(P, made, new("b"), base=7)
    assert datasets.get(P, "golden").version == 1
    assert inputs(datasets, made, 1) == ["a"]
    with store.control.connect() as connection:
        assert len(connection.execute(dataset_items.select()).all()) == 1


def test_what_a_killed_process_left_goes_with_a_later_change(store: Store) -> None:
    now = [10**15]
    datasets = Datasets(store, lambda: now[0])
    made, left = datasets.create(P, "golden"), replace_draft(store, datasets)
    now[0] += 23 * 3600 * 10**6
    datasets.change(P, made, new("a"))
    assert left() == 1
    now[0] += 2 * 3600 * 10**6
    datasets.change(P, made, new("a"))
    assert left() == 0


def replace_draft(store: Store, datasets: Datasets) -> Any:
    """An item that never became part of a version; how many of those there are."""
    datasets.change(P, datasets.create(P, "other"), new("left"))
    mine = dataset_items.c
    with store.control.begin() as connection:
        connection.execute(dataset_items.update().values(draft=mine.id, since=None))
    query = dataset_items.select().where(mine.draft.is_not(None))

    def left() -> int:
        with store.control.connect() as connection:
            return len(connection.execute(query).all())

    return left


def test_names_are_found_listed_and_archived(datasets: Datasets, made: Dataset) -> None:
    for name in ("b", "a", "made 100%"):
        datasets.create(P, name)
    datasets.create("other", "elsewhere")
    page = datasets.list(P, limit=2)
    assert [d.name for d in page.datasets] == ["a", "b"]
    assert [d.name for d in datasets.list(P, after=page.next).datasets] == ["golden", "made 100%"]
    assert [d.name for d in datasets.list(P, text="0%").datasets] == ["made 100%"]
    assert ([d.name for d in datasets.list(P, skip=3).datasets], datasets.count(P)) == (["made 100%"], 4)
    archived = datasets.archive(P, "golden")
    assert datasets.count(P) == 3
    assert [d.name for d in datasets.list(P, archived=True).datasets] == ["golden"]
    with pytest.raises(Conflict, match="is archived"):
        datasets.change(P, made, new("a"))
    assert datasets.get(P, made.id) == archived
    assert datasets.archive(P, "golden", archived=False).archived_us is None
    told = datasets.describe(P, "golden", description="new", metadata={"n": 1})
    assert (told.description, told.metadata, datasets.describe(P, "golden").metadata) == ("new", {"n": 1}, {"n": 1})
    with pytest.raises(Conflict, match="There is a dataset 'golden' already"):
        datasets.create(P, "golden")
    for bad in ("", "a\nb", "x" * 257):
        with pytest.raises(InvalidRequest, match="1 to 256 characters"):
            datasets.create(P, bad)
    for look in (
        lambda: datasets.get("other", "golden"),
        lambda: datasets.get(P, "\0"),
        lambda: datasets.get(P, "\ud800"),
        lambda: datasets.items.get(P, "\ud800"),
        lambda: datasets.version(P, made, 1),
        lambda: datasets.version(P, made, 2**40),
        lambda: datasets.items.get(P, "\0"),
        lambda: datasets.items.exact(P, "none"),
    ):
        with pytest.raises(NotFound):
            look()


def test_items_are_sealed_where_payloads_are_and_rotate_with_them(settings: Settings) -> None:
    old, fresh = new_key(), new_key()
    store = open_store(replace(settings, payload_key=old))
    made = Datasets(store).create(P, "golden")
    Datasets(store).change(P, made, new("secret"))
    with store.control.connect() as connection:
        (row,) = connection.execute(dataset_items.select()).all()
    assert b"secret" not in row.body
    store.close()
    with_both = open_store(replace(settings, payload_key=f"{fresh},{old}"))
    assert Rotation(with_both).run().sealed == 1
    with_both.close()
    for key, said in ((fresh, ["secret"]), (None, None)):
        store = open_store(replace(settings, payload_key=key))
        if said is None:
            with pytest.raises(StorageError, match="cannot be read"):
                inputs(Datasets(store), made, 1)
        else:
            assert inputs(Datasets(store), made, 1) == said
        store.close()


def test_a_reference_means_a_version(datasets: Datasets, made: Dataset) -> None:
    datasets.change(P, made, new("a"))
    datasets.change(P, made, new("b"))
    at_home = datasets.create(P, "ana@home")
    told = {text: datasets.at(P, text) for text in ("golden", "golden@1", f"{made.id}@2", "golden@0", "ana@home")}
    assert [(dataset.id, version.number) for dataset, version in told.values()] == [
        (made.id, 2), (made.id, 1), (made.id, 2), (made.id, 0), (at_home.id, 0),
    ]  # fmt: skip
    for wrong, said in [
        ("golden@3", "The dataset 'golden' has no version 3."), ("@1", "There is no dataset '@1'."),
        ("golden@", "There is no dataset 'golden@'."), ("golden@²", "There is no dataset 'golden@²'."),
        ("golden@" + "9" * 5000, "There is no dataset 'golden@9"),
    ]:  # fmt: skip
        with pytest.raises(NotFound, match=re.escape(said)):
            datasets.at(P, wrong)
