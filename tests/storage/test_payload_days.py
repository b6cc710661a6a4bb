"""Bodies by day: written once or anew, read from their day, dropped a day at a time, on both databases."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Connection

from pilothouse.settings import Settings
from pilothouse.storage import Store, open_store, writing
from pilothouse.storage.payload_days import PayloadDays, day_of

DAY = 20_784  # 2026-11-27
Row = tuple[str, str, str, bytes]


def row(trace: str, body: bytes = b"body", span: str = "s", project: str = "p") -> Row:
    return project, trace, span, body


def put(store: Store, day: int, *rows: Row, anew: bool = False) -> None:
    with writing(store.observe) as connection:
        store.payloads.put(connection, day, rows, anew=anew)


def read(store: Store, day: int | None, traces: Sequence[str], **options: object) -> list[tuple[str, str, bytes]]:
    with store.observe.connect() as connection:
        return sorted(store.payloads.read(connection, day, "p", traces, **options))  # type: ignore[arg-type]


def days(store: Store) -> list[int]:
    with store.observe.connect() as connection:
        return [size.day for size in store.payloads.sizes(connection)]


def test_the_day_of_a_moment() -> None:
    assert [day_of(us) for us in (0, 86_400_000_000 - 1, 86_400_000_000)] == [0, 0, 1]


def test_bodies_are_read_from_their_day_and_project(store: Store) -> None:
    put(store, DAY, row("a", b"1"), row("b", b"2"), row("a", b"3", "s2"), row("a", b"4", project="other"))
    put(store, DAY + 1, row("c", b"5"))
    assert read(store, DAY, ["a", "b", "c"]) == [("a", "s", b"1"), ("a", "s2", b"3"), ("b", "s", b"2")]
    assert read(store, DAY, ["a"], spans=["s2"]) == [("a", "s2", b"3")]
    assert read(store, DAY + 1, ["a", "c"]) == [("c", "s", b"5")]
    assert read(store, DAY, ["b"], longest=0) == []
    assert read(store, DAY + 2, ["a"]) == read(store, None, ["a"]) == []
    assert days(store) == [DAY, DAY + 1]


def test_written_twice_it_counts_once_and_anew_it_changes(store: Store) -> None:
    put(store, DAY, row("a", b"1"))
    put(store, DAY, row("a", b"2"), row("b", b"3"))
    assert read(store, DAY, ["a", "b"]) == [("a", "s", b"1"), ("b", "s", b"3")]
    put(store, DAY, row("a", b"2"), anew=True)
    assert read(store, DAY, ["a"]) == [("a", "s", b"2")]


def test_a_day_goes_whole_also_for_another_process(store: Store, settings: Settings) -> None:
    put(store, DAY, row("a"))
    put(store, DAY + 1, row("b"))
    other = open_store(settings)
    assert read(other, DAY, ["a"]) == [("a", "s", b"body")]
    with writing(store.observe) as connection:
        store.payloads.drop(connection, DAY)
        store.payloads.drop(connection, DAY - 5)
    for each in (store, other):
        assert read(each, DAY, ["a"]) == []
        assert read(each, DAY + 1, ["b"]) == [("b", "s", b"body")]
        assert days(each) == [DAY + 1]
    put(other, DAY, row("late"))
    assert read(store, DAY, ["a", "late"]) == [("late", "s", b"body")]
    other.close()


def test_a_trace_is_forgotten_on_every_day(store: Store) -> None:
    for day in (DAY, DAY + 1):
        put(store, day, row("a"), row("b"), row("a", project="other"))

    def forget(connection: Connection) -> int:
        return store.payloads.forget(connection, "p", ["a"])

    with writing(store.observe) as connection:
        assert forget(connection) == 2
        assert forget(connection) == 0
    assert read(store, DAY, ["a", "b"]) == read(store, DAY + 1, ["a", "b"]) == [("b", "s", b"body")]


def test_more_days_than_are_held_open(store: Store) -> None:
    for day in range(DAY, DAY + 20):
        put(store, day, row(str(day)))
    for day in range(DAY, DAY + 20):
        assert read(store, day, [str(day)]) == [(str(day), "s", b"body")]
    store.payloads.settle()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_file_whose_table_was_not_made_is_empty(store: Store, settings: Settings) -> None:
    folder = settings.home / "payloads"
    folder.mkdir()
    (folder / "2026-11-27.db").touch()
    assert read(store, DAY, ["a"]) == []
    with writing(store.observe) as connection:
        assert store.payloads.forget(connection, "p", ["a"]) == 0
    put(store, DAY, row("a"))
    assert read(store, DAY, ["a"]) == [("a", "s", b"body")]


def test_without_a_transaction_of_the_span_a_body_does_no_harm(store: Store) -> None:
    """A process that dies between the two commits leaves bodies that are written again."""

    def dies() -> None:
        with writing(store.observe) as connection:
            store.payloads.put(connection, DAY, [row("a")])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    put(store, DAY, row("a"))
    assert read(store, DAY, ["a"]) == [("a", "s", b"body")]
    assert isinstance(store.payloads, PayloadDays)
