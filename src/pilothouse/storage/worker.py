"""The program of the process in which one job runs: `python worker.py FD`. Knows nothing of the database.

It talks with its parent over the socket FD in JSON messages. In come the order {task, target, payload} and, later, an
empty message that asks to stop. Out go {progress: [done, total, note]} and in the end one of {result}, {stopped} or
{error, traceback, retry}. When the parent dies the socket closes, and this process dies with it.
"""

import os
import sys
import threading
import time
import traceback
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from pilothouse.errors import Cancelled, PilothouseError
from pilothouse.plugins import Registry
from pilothouse.types import Json

__all__ = ["main"]

_PROGRESS_SECONDS = 0.2
_PARENT_DIED = 3


class _Reporter:
    """The Progress that the task is given."""

    def __init__(self, parent: "Connection[Any, Any]") -> None:
        self._parent = parent
        self._lock = threading.Lock()
        self._next_time = 0.0
        self.stop = threading.Event()

    def __call__(self, done: int, total: int, note: str = "") -> None:
        if self.stop.is_set():
            raise Cancelled("The job was asked to stop.")
        with self._lock:
            now = time.monotonic()
            if now < self._next_time and done < total:
                return
            self._next_time = now + _PROGRESS_SECONDS
            self._parent.send_bytes(msgspec.json.encode({"progress": [done, total, _plain(note)]}))


def main() -> None:
    """Take the order from the socket named by the first argument, do it, answer."""
    parent: Connection[Any, Any] = Connection(int(sys.argv[1]))
    order = msgspec.json.decode(parent.recv_bytes())
    report = _Reporter(parent)
    threading.Thread(target=_listen, args=(parent, report.stop), daemon=True).start()
    parent.send_bytes(_run(order, report))


def _run(order: Json, report: _Reporter) -> bytes:
    """Do the work and return the answer; whatever the task raises becomes the answer."""
    try:
        result = _resolve(order["task"], order["target"])(order["payload"], report)
        return msgspec.json.encode({"result": result})
    except Exception as error:  # noqa: BLE001 - a task may raise anything, and its job keeps it
        return msgspec.json.encode(_failure(error))


def _failure(error: Exception) -> Json:
    if isinstance(error, Cancelled):  # it was asked to stop, or what it worked on was taken away
        return {"stopped": True}
    if isinstance(error, PilothouseError):
        # What the caller got wrong stays wrong at the next attempt.
        return {"error": _plain(error.message), "traceback": None, "retry": error.retryable or error.status >= 500}
    text = "".join(traceback.format_exception(error))
    return {"error": _plain(f"{type(error).__name__}: {error}"), "traceback": _plain(text), "retry": True}


def _resolve(task: str, target: str | None) -> Any:
    """The task's function: `module:function` where the executor was told so, else the plugin of that name."""
    if target is None:
        return Registry("pilothouse.tasks").get(task)
    module, _, function = target.partition(":")
    return getattr(import_module(module), function)


def _listen(parent: "Connection[Any, Any]", stop: threading.Event) -> None:
    """Wait for the wish to stop, or for the parent's death."""
    try:
        while True:
            parent.recv_bytes()
            stop.set()
    except (EOFError, OSError):
        os._exit(_PARENT_DIED)


def _plain(text: str) -> str:
    """Text that every database keeps: no NUL, no half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


if __name__ == "__main__":
    main()
