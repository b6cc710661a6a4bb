"""How every process notices what another one changed: a number per topic in the control database, and who waits for it.

SQLite tells by `PRAGMA data_version` whether any other connection wrote, so that the very next `check` sees a change.
Postgres sends a notice when the writer commits; a thread listens for it. Knows nothing of what the topics mean.
"""

import logging
import selectors
import socket
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from pilothouse.errors import StorageError
from pilothouse.storage.tables import changes
from pilothouse.storage.trouble import Trouble

__all__ = ["Changes"]

_CHANNEL = "pilothouse"
_RECONNECT_SECONDS = 0.2  # first wait, doubled each time
_LONGEST_WAIT = 5.0
# A server that vanished without a word is found out after about 25 s.
_KEEPALIVE: dict[str, Any] = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_log = logging.getLogger(__name__)


class Changes:
    """The topics of one control database, as seen by this process. Safe from any thread.

    A callback runs once after `on`, and again after each change: under SQLite in the thread that calls `check`, under
    Postgres in the thread that listens. It must bear being called without need. When it raises, it is called again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.RLock()
        self._callbacks: dict[str, list[Callable[[], object]]] = {}
        self._seen: dict[str, int] = {}
        self._listens = engine.dialect.name != "sqlite"
        self._watch: Any = None if self._listens else _own_connection(engine)
        self._version: int | None = None
        self._listener: _Listener | None = None

    @staticmethod
    def bump(connection: Connection, topic: str) -> int:
        """Say, inside the writer's transaction, that the topic changed. Gives its new number.

        Numbers grow in the order of the commits: the row stays locked until the transaction ends.
        """
        insert = sqlite.insert(changes) if connection.dialect.name == "sqlite" else postgresql.insert(changes)
        grown = insert.values(topic=topic, number=1).on_conflict_do_update(
            index_elements=[changes.c.topic], set_={"number": changes.c.number + 1}
        )
        number = connection.execute(grown.returning(changes.c.number)).scalar_one()
        if connection.dialect.name != "sqlite":
            connection.execute(text("SELECT pg_notify(:channel, :topic)"), {"channel": _CHANNEL, "topic": topic})
        return int(number)

    def on(self, topic: str, callback: Callable[[], object]) -> None:
        """Call back when the topic changed."""
        with self._lock:
            self._callbacks.setdefault(topic, []).append(callback)
            self._seen.pop(topic, None)
            self._version = None

    def check(self) -> None:
        """Notice what changed; made to be called at the start of every request.

        Under SQLite 4 us, and all that was committed before is seen once it returns. Raises StorageError when the
        database cannot be read. Under Postgres it only sees that somebody listens (0.1 us).
        """
        if self._watch is None:
            if self._listens and (self._listener is None or not self._listener.is_alive()):
                self._listen()
            return
        try:
            with self._lock:
                version = self._watch.execute("PRAGMA data_version").fetchone()[0]
                if version != self._version:
                    self._look()
                    self._version = version
        except sqlite3.Error as error:
            raise StorageError(f"{self._engine.url.database}: {error}. Look after its disk and permissions.") from error

    def close(self) -> None:
        """Stop noticing."""
        with self._lock:
            self._listens = False
            watch, self._watch = self._watch, None
            listener, self._listener = self._listener, None
        if watch is not None:
            watch.close()
        if listener is not None:
            listener.stop()

    def _listen(self) -> None:
        with self._lock:
            if self._listens and (self._listener is None or not self._listener.is_alive()):
                if self._listener is not None:
                    self._listener.stop()
                self._listener = _Listener(self._engine, self._look)
                self._listener.start()

    def _look(self) -> None:
        """Read the numbers and call back where one moved. A number counts as seen once its callbacks have ended."""
        with self._lock:
            with self._engine.connect() as connection:
                numbers = {row.topic: row.number for row in connection.execute(select(changes))}
            for topic, callbacks in self._callbacks.items():
                number = numbers.get(topic, 0)
                if self._seen.get(topic) != number:
                    for callback in callbacks:
                        callback()
                    self._seen[topic] = number


def _own_connection(engine: Engine) -> Any:
    """A connection that nobody writes through: `data_version` does not move for what its own connection writes."""
    pooled = engine.raw_connection()
    pooled.detach()
    return pooled.dbapi_connection


class _Listener(threading.Thread):
    """Hears the notices of a Postgres server on a connection of its own; connects again when that was lost."""

    def __init__(self, engine: Engine, look: Callable[[], None]) -> None:
        super().__init__(name="pilothouse-changes", daemon=True)
        self._engine = engine
        self._look = look
        self._stopped = threading.Event()
        self._bell, self._cord = socket.socketpair()

    def stop(self) -> None:
        self._stopped.set()
        self._cord.send(b"!")
        self.join(_LONGEST_WAIT)
        if not self.is_alive():  # else it waits for a server that does not answer, and ends with the process
            self._bell.close()
            self._cord.close()

    def run(self) -> None:
        import psycopg  # noqa: PLC0415 - an optional driver, here for whoever has an engine of it

        wait, trouble = _RECONNECT_SECONDS, Trouble(_log)
        while not self._stopped.is_set():
            try:
                _, options = self._engine.dialect.create_connect_args(self._engine.url)
                with psycopg.connect(**{**_KEEPALIVE, **options}, autocommit=True) as connection:
                    connection.execute(f"LISTEN {_CHANNEL}")
                    wait = _RECONNECT_SECONDS
                    trouble.over()
                    self._hear(connection)
            except (psycopg.Error, StorageError) as error:
                trouble.note("changes made elsewhere are not seen: %s; trying again", str(error).partition("\n")[0])
                self._stopped.wait(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _hear(self, connection: Any) -> None:
        """Look, now and at each notice, until stopped. The first look finds what changed while nobody listened."""
        with selectors.DefaultSelector() as selector:
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._bell, selectors.EVENT_READ)
            while not self._stopped.is_set():
                self._look()
                selector.select()
                for _ in connection.notifies(timeout=0):
                    pass
