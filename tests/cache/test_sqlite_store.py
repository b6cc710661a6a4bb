"""What is the SQLite store's own: it outlives its process, is shared, and mends itself."""

import sqlite3
from pathlib import Path
from typing import Any

from pilothouse.cache.sqlite_store import SqliteStore

ROOM = 1_000_000


async def test_entries_outlive_the_store_and_are_seen_by_others(tmp_path: Path) -> None:
    one = SqliteStore(tmp_path / "cache.db", ROOM)
    other = SqliteStore(tmp_path / "cache.db", ROOM)
    await one.put("p\na\n1", b"x", 60)
    await one.stats()
    assert await other.get("p\na\n1") == b"x"
    await one.aclose()
    await other.aclose()
    again = SqliteStore(tmp_path / "cache.db", ROOM)
    assert await again.get("p\na\n1") == b"x"
    assert (await again.stats()).entries == 1
    await again.aclose()


async def test_a_scan_sees_what_is_written_meanwhile(tmp_path: Path) -> None:
    class Racing(SqliteStore):
        def _run(self, statement: str, values: tuple[object, ...]) -> list[Any]:
            rows = super()._run(statement, values)
            self._worker.submit(self._flush).result()  # the writer writes just after the file was read
            return rows

    store = Racing(tmp_path / "cache.db", ROOM)
    store._scheduled = True  # and not before
    await store.put("p\na\n1", b"x", 60)
    assert await store.scan("p\na\n", ()) == [("p\na\n1", b"x")]
    await store.aclose()


async def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    path.write_bytes(b"this is no database" * 1000)
    store = SqliteStore(path, ROOM)
    await store.put("p\na\n1", b"x", 60)
    assert (await store.stats()).entries == 1
    await store.aclose()


async def test_a_file_of_another_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entry (other TEXT)")
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    store = SqliteStore(path, ROOM)
    await store.put("p\na\n1", b"x", 60)
    assert (await store.stats()).entries == 1
    await store.aclose()


async def test_damage_while_it_runs_is_a_miss_and_then_mended(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    store = SqliteStore(path, ROOM)
    await store.put("p\na\n1", b"x", 60)
    await store.stats()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE entry")
    connection.close()
    assert await store.get("p\na\n1") is None
    assert (await store.stats()).errors > 0
    await store.put("p\na\n2", b"y", 60)
    await store.stats()
    assert await store.get("p\na\n2") == b"y"
    assert (await store.stats()).entries == 1
    await store.aclose()


async def test_the_writer_that_finds_the_damage_mends_it_for_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "cache.db"
    store = SqliteStore(path, ROOM)
    await store.put("p\na\n1", b"x", 60)
    await store.stats()
    assert await store.get("p\na\n1") == b"x"
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE total")
    connection.close()
    await store.put("p\na\n2", b"lost", 60)
    await store.stats()
    await store.put("p\na\n3", b"y", 60)
    await store.stats()
    assert await store.get("p\na\n3") == b"y"
    assert await store.get("p\na\n1") is None
    await store.aclose()
