"""Work that one process does for all that share a database: whose turn it is. Knows nothing of the work.

A turn ends by itself where its holder falls silent, and another takes it up. It is compared with the process's own
clock: machines that share a database must agree on the time to within a few seconds.
"""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress

from sqlalchemy import delete, or_, select, update
from sqlalchemy.engine import Engine

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import StorageError
from pilothouse.ids import new_id, now_us
from pilothouse.storage.database import writing
from pilothouse.storage.statements import insert_new
from pilothouse.storage.tables.alerting import turns
from pilothouse.storage.trouble import Trouble

__all__ = ["Turn"]


class Turn:
    """The turn to do what is called `name`, for `seconds` from each `take` on. Blocks on the control database."""

    def __init__(
        self, engine: Engine, name: str, *, seconds: float, holder: str | None = None,
        clock: Callable[[], int] = now_us,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._name = name
        self._length_us = int(seconds * 1e6)
        self._holder = holder or new_id()
        self._clock = clock
        self._one_at_a_time = threading.Lock()
        self._over = False

    def take(self) -> bool:
        """Take the turn, or keep it; False while another process has it, and once what `serve` did has ended."""
        with self._one_at_a_time:
            return not self._over and self._taken()

    def _taken(self) -> bool:
        now = self._clock()
        here = (turns.c.project_id == DEFAULT_PROJECT, turns.c.name == self._name)
        mine = {"holder": self._holder, "until_us": now + self._length_us}
        with self._engine.connect() as connection:
            row = connection.execute(select(turns).where(*here)).one_or_none()
        if row is not None and row.holder != self._holder and row.until_us > now:
            return False
        if row is not None and row.holder == self._holder and row.until_us - now > self._length_us // 2:
            return True
        with writing(self._engine) as connection:
            if row is None:
                new = {"project_id": DEFAULT_PROJECT, "name": self._name, **mine}
                made = insert_new(connection, turns).returning(turns.c.name)
                return connection.execute(made, new).one_or_none() is not None
            free = or_(turns.c.holder == self._holder, turns.c.until_us <= now)
            return connection.execute(update(turns).where(*here, free).values(mine)).rowcount == 1

    async def serve(
        self, work: Callable[[], Awaitable[float]], *, again: float, failing: str, logger: logging.Logger
    ) -> None:  # fmt: skip
        """Do `work`, which takes the turn, again and again, each time after the seconds that it returns. Never ends by
        itself; the turn ends with it.

        What goes wrong is tried again after `again` seconds, and logged as `failing` once while it lasts.
        """
        trouble = Trouble(logger)
        self._over = False
        try:
            while True:
                rest = again
                try:
                    rest = await work()
                    trouble.over()
                except StorageError as error:
                    trouble.note("%s: %s", failing, error)
                except Exception as error:
                    if trouble.is_new(error):
                        logger.exception(failing)
                await asyncio.sleep(rest)
        finally:
            self._over = True  # a thread that is about to take it would keep others from it
            with suppress(StorageError):
                self.end()

    def end(self) -> None:
        """Let another process go on at once."""
        with self._one_at_a_time, writing(self._engine) as connection:
            connection.execute(delete(turns).where(turns.c.name == self._name, turns.c.holder == self._holder))
