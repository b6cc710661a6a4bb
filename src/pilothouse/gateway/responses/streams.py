"""Streams of background responses: written into the store by the process that makes one, read from it by any.

A reader in the same process is told of news; in any other it looks again and again. What a stream ends with is made of
the response as it is kept, so that whoever is told of the end finds the response ended. Knows nothing of HTTP.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.storage.response_events import KeptEvent, ResponseEventStore
from pilothouse.storage.responses import RUNNING, ResponseStore, StoredResponse

__all__ = ["EventLog", "follow", "refuse_beyond"]

_EVERY = 0.05  # seconds between two writes of one stream: what comes meanwhile goes into the next
_LOOK = 0.2  # seconds between two looks at a stream that another process writes
_ENDS = ("completed", "incomplete", "failed")


class _Numbered(msgspec.Struct):
    sequence_number: int = -1


_numbered = msgspec.json.Decoder(_Numbered).decode


class EventLog:
    """The events of one response on their way to the store. Enter it once; what was added is written when it is left.

    `add` raises StorageError where earlier events could not be written. `news` is set at the next change, and is then
    another event.
    """

    def __init__(self, store: ResponseEventStore, project_id: str, response_id: str) -> None:
        self._store = store
        self._key = (project_id, response_id)
        self._waiting: list[KeptEvent] = []
        self._added, self._left = asyncio.Event(), asyncio.Event()
        self._last = -1
        self._writing: asyncio.Task[None] | None = None
        self.news = asyncio.Event()

    def add(self, name: bytes, data: bytes) -> None:
        """Take an event; its number is the one in its data."""
        if self._writing is not None and self._writing.done():
            self._writing.result()
        self._last = max(_numbered(data).sequence_number, self._last + 1)
        self._waiting.append(KeptEvent(self._last, name.decode(), data.decode()))
        self._added.set()

    def tell(self) -> None:
        """Wake whoever waits for news."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def __aenter__(self) -> "EventLog":
        self._writing = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._writing is not None
        self._left.set()
        self._added.set()
        await asyncio.shield(self._writing)

    async def _write(self) -> None:
        while not self._left.is_set():
            await self._added.wait()
            self._added.clear()
            await self._flush()
            with suppress(TimeoutError):
                async with asyncio.timeout(_EVERY):
                    await self._left.wait()
        await self._flush()

    async def _flush(self) -> None:
        events, self._waiting = self._waiting, []
        if events:
            await asyncio.to_thread(self._store.add, *self._key, events)
            self.tell()


async def follow(
    store: ResponseStore, project_id: str, response_id: str, after: int, news: Callable[[], asyncio.Event | None]
) -> AsyncGenerator[KeptEvent]:
    """The events after number `after`, those to come included, to the end. A cancelled response ends without a word.

    `news` gives what is set at the next change, None where another process makes the response. Raises NotFound where
    the response is gone, InvalidRequest where it ended before event `after`.
    """
    seen, stored = after, None
    while True:
        changed = news()
        events = await asyncio.to_thread(store.events.read, project_id, response_id, seen)
        for event in events:
            yield event
            seen = event.number
        if events:
            continue
        if stored is not None:
            break
        now = await asyncio.to_thread(store.get, project_id, response_id)
        if now.status not in RUNNING:
            stored = now  # and read once more: the last events may have come just before
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK):
                await (changed or asyncio.Event()).wait()
    last = await asyncio.to_thread(store.events.last, project_id, response_id)
    last = -1 if last is None else last
    refuse_beyond(stored, last, after)
    if stored.status in _ENDS and last + 1 > after:
        yield _ending(stored, last + 1)


def refuse_beyond(stored: StoredResponse, last: int, after: int) -> None:
    """Raise InvalidRequest where a response that has ended never told an event `after`; `last` is that of its kept
    events, which the ending is not among."""
    final = last + 1 if stored.status in _ENDS else last
    if after > final:
        told = (
            f"The last event of this response has the number {final}" if final >= 0 else "This response has no events"
        )
        raise InvalidRequest(f"{told}: 'starting_after' is beyond it.", param="starting_after")


def _ending(stored: StoredResponse, number: int) -> KeptEvent:
    name = f"response.{stored.status}"
    event = {"type": name, "response": stored.response, "sequence_number": number}
    return KeptEvent(number, name, msgspec.json.encode(event).decode())
