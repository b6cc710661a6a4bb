"""The history of the configuration: numbers, sameness, conflicts that say who changed what."""

import threading

import pytest
from sqlalchemy import select, update

from pilothouse.config import Config, DeploymentConfig, ModelConfig, ProviderConfig, RagConfig
from pilothouse.errors import ConfigError, Conflict, NotFound
from pilothouse.storage import SnapshotStore, Store, tables


@pytest.fixture
def snapshots(store: Store) -> SnapshotStore:
    return SnapshotStore(store.control, clock=lambda: 1_700_000_000_000_000)


def config(top_k: int = 6, *providers: str) -> Config:
    return Config(rag=RagConfig(top_k=top_k), providers={name: ProviderConfig() for name in providers})


def test_there_is_none_at_first(snapshots: SnapshotStore) -> None:
    assert snapshots.current() is None
    assert snapshots.get(1) is None
    assert list(snapshots.history()) == []


def test_a_put_is_numbered_and_comes_back_whole(snapshots: SnapshotStore) -> None:
    full = Config(
        providers={"pool": ProviderConfig(kind="openai", api_key="${KEY}", headers={"x": "y"}, options={"a": [1]})},
        models={"fast": ModelConfig(deployments=[DeploymentConfig(provider="pool", model="m", weight=2.5)])},
    )
    put = snapshots.put(full, author="ana", source="api")
    assert (put.number, put.author) == (1, "ana")
    assert snapshots.current() == put
    assert snapshots.get(1) == put
    assert snapshots.put(config(7), author="bo", source="console").number == 2
    assert [(r.number, r.author, r.source) for r in snapshots.history()] == [(2, "bo", "console"), (1, "ana", "api")]
    assert snapshots.get(1) == put, "a Snapshot never changes"


def test_the_same_content_keeps_its_number(snapshots: SnapshotStore) -> None:
    first = snapshots.put(config(1), author="ana", source="file")
    again = snapshots.put(config(1), author="bo", source="api", expected_number=0)
    assert again == first
    snapshots.put(config(2), author="ana", source="file")
    assert snapshots.put(config(1), author="ana", source="file").number == 3, "going back is a change too"


def test_projects_count_for_themselves(snapshots: SnapshotStore) -> None:
    snapshots.put(config(1), author="a", source="api")
    assert snapshots.current("other") is None
    assert snapshots.put(config(2), author="a", source="api", project_id="other").number == 1


def test_a_stale_author_is_told_who_changed_what(snapshots: SnapshotStore) -> None:
    snapshots.put(config(1), author="ana", source="file")
    snapshots.put(config(2, "openai"), author="bo", source="console")
    snapshots.put(config(3, "openai"), author="cy", source="api")
    with pytest.raises(Conflict) as caught:
        snapshots.put(config(9), author="ana", source="file", expected_number=1)
    assert caught.value.message.splitlines() == [
        "The configuration changed since Snapshot 1:",
        "  2 by bo (console, 2023-11-14 22:13:20 UTC): providers.openai, rag.top_k",
        "  3 by cy (api, 2023-11-14 22:13:20 UTC): rag.top_k",
        "Read the current one and apply your change to it.",
    ]
    assert caught.value.status == 409
    assert snapshots.put(config(9), author="ana", source="file", expected_number=3).number == 4


def test_an_expected_number_from_nowhere_is_a_conflict(snapshots: SnapshotStore) -> None:
    snapshots.put(config(1), author="ana", source="file")
    with pytest.raises(Conflict, match="no Snapshot 7"):
        snapshots.put(config(2), author="ana", source="file", expected_number=7)


def test_many_keys_are_counted_not_listed(snapshots: SnapshotStore) -> None:
    snapshots.put(config(1), author="ana", source="file")
    snapshots.put(config(1, *(f"p{n:02}" for n in range(20))), author="bo", source="api")
    with pytest.raises(Conflict, match=r"providers\.p07 and 12 more"):
        snapshots.put(config(2), author="ana", source="file", expected_number=1)


def test_authors_at_the_same_time(store: Store) -> None:
    """Without an expected number each put finds its place; with one, one wins."""
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def change(n: int) -> None:
        snapshots = SnapshotStore(store.control)
        start.wait()
        snapshots.put(config(10 + n), author=f"a{n}", source="api")
        start.wait()
        try:
            snapshots.put(config(20 + n), author=f"a{n}", source="api", expected_number=4)
            outcomes.append("won")
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=change, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [r.number for r in SnapshotStore(store.control).history()] == [5, 4, 3, 2, 1]
    assert sorted(outcomes) == ["conflict", "conflict", "conflict", "won"]


def test_a_key_that_a_release_adds_with_a_default_is_no_change(store: Store, snapshots: SnapshotStore) -> None:
    """As if the stored one were from before there was `rag`."""
    snapshots.put(config(6, "openai"), author="ana", source="file")
    old = {"body": '{"providers": {"openai": {}}, "models": {}}', "hash": "of then"}
    with store.control.begin() as connection:
        connection.execute(update(tables.snapshots).values(old))
    assert snapshots.put(config(6, "openai"), author="ana", source="file").number == 1


def test_who_changed_what_since_an_older_release(store: Store, snapshots: SnapshotStore) -> None:
    """As if the first were from before there was all but `providers`, and the third of a version yet to come."""
    for top_k in (6, 7, 8):
        snapshots.put(config(top_k, "openai"), author="ana", source="file")
    bodies = {
        1: '{"providers": {"openai": {}}}',
        2: '{"providers": {"openai": {}}, "models": {}, "rag": {"top_k": 7}}',
        3: '{"providers": {"openai": {}}, "models": {}, "rag": {"top_k": 7}, "wings": 2}',
    }
    with store.control.begin() as connection:
        for number, body in bodies.items():
            connection.execute(update(tables.snapshots).where(tables.snapshots.c.number == number).values(body=body))
    told = [line.partition("UTC): ")[2] for line in snapshots.changed_since(1)]
    assert told == ["rag.top_k", "wings"]


def test_what_differs_between_two(snapshots: SnapshotStore) -> None:
    snapshots.put(config(1), author="ana", source="file")
    snapshots.put(config(2, "openai"), author="bo", source="api")
    assert [str(d) for d in snapshots.diff(1, 2)] == ["providers.openai: (not set) -> {}", "rag.top_k: 1 -> 2"]
    assert [d.key for d in snapshots.diff(0, 1)] == ["rag.top_k"]
    with pytest.raises(NotFound, match="no Snapshot 3"):
        snapshots.diff(1, 3)


def test_going_back_is_a_new_snapshot_with_the_old_content(snapshots: SnapshotStore) -> None:
    for top_k in (1, 2):
        snapshots.put(config(top_k), author="ana", source="file")
    back = snapshots.rollback(1, author="bo", source="api", expected_number=2)
    assert (back.number, back.config, back.author) == (3, config(1), "bo")
    with pytest.raises(Conflict, match="3 by bo"):
        snapshots.rollback(2, author="cy", source="api", expected_number=2)
    with pytest.raises(NotFound, match="no Snapshot 8"):
        snapshots.rollback(8, author="cy", source="api")


def test_the_history_in_pages_and_by_source(snapshots: SnapshotStore) -> None:
    for top_k, source in ((1, "file"), (2, "api"), (3, "file")):
        snapshots.put(config(top_k), author="ana", source=source)
    assert [r.number for r in snapshots.history(limit=2)] == [3, 2]
    assert [r.number for r in snapshots.history(before=2)] == [1]
    assert [r.number for r in snapshots.history(source="file")] == [3, 1]


def test_other_processes_are_told_of_each_new_snapshot(store: Store, snapshots: SnapshotStore) -> None:
    def told() -> int:
        with store.control.connect() as connection:
            query = select(tables.changes.c.number).where(tables.changes.c.topic == "snapshot")
            return connection.execute(query).scalar() or 0

    for top_k, expected in ((1, 1), (1, 1), (2, 2)):
        snapshots.put(config(top_k), author="ana", source="file")
        assert told() == expected


def test_a_stored_configuration_of_another_version_is_told(store: Store, snapshots: SnapshotStore) -> None:
    snapshots.put(config(6), author="ana", source="file")
    with store.control.begin() as connection:
        connection.execute(update(tables.snapshots).values(body='{"wings": 2}'))
    with pytest.raises(ConfigError, match="cannot read the stored configuration: wings: Extra inputs"):
        snapshots.current()
