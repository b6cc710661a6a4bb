"""Forgets here what was purged from the caches elsewhere. A purge is noted in the audit log, from which every process
learns of it. Knows nothing of who purges.
"""

import asyncio
import logging
from contextlib import suppress

from pilothouse.access import Audit
from pilothouse.access.audit import PURGE, AuditFilters, Entry
from pilothouse.cache import Caches
from pilothouse.errors import StorageError
from pilothouse.storage.changes import Changes

__all__ = ["Purges"]

_MOST = 500
_AGAIN = 1.0  # seconds
_log = logging.getLogger(__name__)


class Purges:
    """`run` for as long as the process serves. From `following` on no purge is missed; before, caches are empty."""

    def __init__(self, audit: Audit, caches: Caches, changes: Changes) -> None:
        self._audit = audit
        self._caches = caches
        self._changes = changes
        self.following = asyncio.Event()
        self._done: dict[str, None] = {}

    async def run(self) -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        self._done = dict.fromkeys(entry.id for entry in await self._purges())

        def notice() -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(told.set)

        self._changes.on(PURGE, notice)
        self.following.set()
        while True:
            await told.wait()
            told.clear()
            try:
                await self._follow()
            except StorageError as error:
                _log.warning("A purge of the caches elsewhere is not followed yet: %s", error)
                loop.call_later(_AGAIN, told.set)

    async def _follow(self) -> None:
        for entry in await self._purges():
            if entry.id not in self._done:
                kind, _, name = entry.subject.partition(":")
                room = self._caches.fragments if kind == "fragments" else self._caches
                await room.purge(entry.project_id, None if name == "*" else name)
                self._done[entry.id] = None
        while len(self._done) > 2 * _MOST:
            del self._done[next(iter(self._done))]

    async def _purges(self) -> list[Entry]:
        """The latest, the oldest first. Whatever their times: clocks of hosts differ, and are set."""
        filters = AuditFilters(action=PURGE)
        return list(reversed(await asyncio.to_thread(self._audit.list, None, filters=filters, limit=_MOST)))
