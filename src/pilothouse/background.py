"""Async code called by sync code: on one event loop on a thread of its own, or on one that lasts for a call.

Knows nothing of what it runs.
"""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar, cast

__all__ = ["Loop", "run"]

T = TypeVar("T")
_END = object()
_PATIENCE = 1.0  # seconds


class Loop:
    """One event loop on a thread of its own, for sync code that calls async code."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pilothouse-loop", daemon=True)
        self._thread.start()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run it, without waiting. Raises RuntimeError after `close`."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError:
            work.close()
            raise

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end and return its result; an interrupt cancels it."""
        future = self.begin(work)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def iterate(self, source: AsyncIterator[T]) -> Iterator[T]:
        """Walk an async iterator from sync code; closing this generator closes that one."""
        try:
            while True:
                item = self.run(_next(source))
                if item is _END:
                    return
                yield cast(T, item)
        finally:
            close = getattr(source, "aclose", None)
            if close is not None:
                self.run(close())

    def cancel(self) -> None:
        """Cancel whatever runs on it."""
        self.run(_cancel_others())

    def close(self) -> None:
        """Cancel what still runs, and end."""
        self.cancel()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end on an event loop of its own, in the context of the caller; on another thread where a loop runs
    on this one, which waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, "pilothouse-run") as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, work).result()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=_PATIENCE)


async def _next(source: AsyncIterator[T]) -> T | object:
    return await anext(source, _END)
