"""A bounded queue and the thread that empties it: callers never wait, and nothing is dropped without being counted.

A forked child starts with an empty queue and a thread of its own. Knows nothing of HTTP.
"""

import atexit
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

__all__ = ["Away", "Delivery", "Refused", "Sender"]

_logger = logging.getLogger("pilothouse.tracing")
COLLECT_SECONDS = 0.2
LONGEST_BACKOFF = 30.0
EXIT_SECONDS = 5.0
FORK_SECONDS = 1.0
_BATCH = 500
_MOST_ITEMS = 50_000
_MOST_BYTES = 64 * 1024 * 1024


class Away(Exception):
    """Whoever should take the items cannot do so now; `after` seconds they may."""

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


class Refused(Exception):
    """These items will never be taken; `split` says that fewer of them at once may be."""

    def __init__(self, why: str, split: bool = False) -> None:
        super().__init__(why)
        self.split = split


class Sender(Protocol):
    """Takes items for good, or raises Away or Refused. Called by one thread at a time."""

    def send(self, items: Sequence[Any]) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None:
        """Let go in a forked child, without a word to the other side."""


class Delivery:
    """Items on their way. `dropped` counts those that went nowhere."""

    def __init__(
        self, open_sender: Callable[[], Sender], *, most_items: int = _MOST_ITEMS, most_bytes: int = _MOST_BYTES
    ) -> None:
        self._open_sender = open_sender
        self._most_items, self._most_bytes = most_items, most_bytes
        self._started = False
        self._reset()
        before, after, forget = map(weakref.WeakMethod, (self._pause, self._go_on, self._forget))
        os.register_at_fork(
            before=lambda: (method := before()) and method(),
            after_in_parent=lambda: (method := after()) and method(),
            after_in_child=lambda: (method := forget()) and method(),
        )

    def _reset(self) -> None:
        self.dropped = 0
        self._said: set[str] = set()
        self._queue: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._sender: Sender | None = None
        self._lock = threading.Lock()
        self._sending = threading.Lock()
        self._forking: int | None = None
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, item: Any, size: int) -> None:
        """Queue it; where there is no room it is dropped, counted and reported once. Never blocks on the network."""
        with self._lock:
            full = len(self._queue) >= self._most_items or self._bytes + size > self._most_bytes
            if not full:
                self._queue.append((item, size))
                self._bytes += size
        if full:
            self._drop(1, "the queue is full")
        elif self._thread is None:
            self._start()
        if not self._woken.is_set():
            self._woken.set()

    def flush(self, timeout: float = 10.0) -> bool:
        """Send what is queued, in this thread; False where that did not succeed in `timeout` seconds."""
        until = time.monotonic() + timeout
        while self._queue:
            if not self._sending.acquire(timeout=max(0.0, until - time.monotonic())):
                return False
            try:
                self._drain()
            except Away as error:
                if time.monotonic() + max(0.1, error.after) >= until:
                    self._tell("waiting", f"{len(self._queue)} spans wait: {error}")
                    return False
                time.sleep(max(0.1, error.after))
            finally:
                self._sending.release()
        return True

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Flush and end. What could not be sent by then is dropped, and the log says so."""
        self._stopping.set()
        self._woken.set()
        left = 0 if self.flush(timeout) else len(self._queue)
        if left:
            self._drop(left, f"they could not be sent in {timeout:g} s at the end")
        self._let_go(timeout)

    def _let_go(self, timeout: float = -1) -> None:
        """Close the sender, once nobody is sending."""
        if self._sending.acquire(timeout=timeout):
            try:
                if self._sender is not None:
                    self._sender.close()
                    self._sender = None
            finally:
                self._sending.release()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._stopping.is_set():
                return
            self._thread = threading.Thread(target=self._run, name="pilothouse-tracing", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # the interpreter is about to end: the flush at exit sends
                return
        if not self._started:
            self._started = True
            atexit.register(self.close)
        if (processes := sys.modules.get("multiprocessing.util")) is not None:  # its children skip atexit
            processes.Finalize(None, self.flush, kwargs={"timeout": EXIT_SECONDS}, exitpriority=10)

    def _run(self) -> None:
        backoff = COLLECT_SECONDS
        while not self._stopping.is_set():
            self._woken.wait()
            self._stopping.wait(backoff)
            self._woken.clear()
            try:
                with self._sending:
                    self._drain()
                backoff = COLLECT_SECONDS
            except Away as error:
                backoff = max(error.after, min(LONGEST_BACKOFF, 2 * backoff))
                self._tell("waiting", f"Spans wait, next attempt in {backoff:.1f} s: {error}")
                self._woken.set()
        self._let_go()  # where `close` could not wait for what was just being sent

    def _drain(self) -> None:
        while self._queue:
            if self._sender is None:
                self._sender = self._open()
            with self._lock:
                batch = [item for item, _ in (self._queue[i] for i in range(min(_BATCH, len(self._queue))))]
            self._send(batch)
            self._take(len(batch))

    def _open(self) -> Sender:
        try:
            return self._open_sender()
        except Exception as error:
            raise Away(f"{type(error).__name__}: {error}") from error

    def _send(self, batch: Sequence[Any]) -> None:
        assert self._sender is not None
        try:
            self._sender.send(batch)
        except Refused as error:
            if not error.split or len(batch) == 1:
                self._drop(len(batch), str(error))
                return
            half = len(batch) // 2
            self._send(batch[:half])
            self._send(batch[half:])
        except Away:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread and the user's program must live on
            self._drop(len(batch), f"they cannot be sent: {error!r}")

    def _take(self, count: int) -> int:
        with self._lock:
            count = min(count, len(self._queue))
            for _ in range(count):
                self._bytes -= self._queue.popleft()[1]
        return count

    def _drop(self, count: int, why: str) -> None:
        with self._lock:
            self.dropped += count
        self._tell("dropped", f"Spans are dropped ({self.dropped} so far): {why}.")

    def _tell(self, about: str, what: str) -> None:
        """Once per subject and process: the log is the user's."""
        if about not in self._said:
            self._said.add(about)
            _logger.warning(what)

    def _pause(self) -> None:
        """A fork waits until the sender is open and, for a moment, for what it sends. In the child nobody goes on with
        what the thread was at: a module that it was importing could never be imported there."""
        while not self._sending.acquire(timeout=FORK_SECONDS):
            if self._sender is not None:
                return
        self._forking = threading.get_ident()

    def _go_on(self) -> None:
        if self._forking == threading.get_ident():
            self._forking = None
            self._sending.release()

    def _forget(self) -> None:
        sender = self._sender
        self._reset()
        if sender is not None:
            sender.abandon()
