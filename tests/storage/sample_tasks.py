"""Tasks for the tests of the executor. They run in child processes, which import this file by name."""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Any

from pilothouse.errors import Cancelled, InvalidRequest


def double(payload: dict[str, Any], progress: Any) -> Any:
    for step in range(3):
        progress(step + 1, 3, f"step {step + 1}")
    return {"doubled": payload["n"] * 2, "pid": os.getpid()}


def fail(payload: dict[str, Any], progress: Any) -> Any:
    raise ValueError("the disk ate \udcff\0 it")


def refuse(payload: dict[str, Any], progress: Any) -> Any:
    raise InvalidRequest("There is no such folder.")


def call_off(payload: dict[str, Any], progress: Any) -> Any:
    raise Cancelled("There is nothing left to do.")


def answer_with_object(payload: dict[str, Any], progress: Any) -> Any:
    return object()


def die_once(payload: dict[str, Any], progress: Any) -> Any:
    """Killed the first time; the marker file remembers."""
    marker = Path(payload["marker"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def exit_early(payload: dict[str, Any], progress: Any) -> Any:
    os._exit(7)


def until_cancelled(payload: dict[str, Any], progress: Any) -> Any:
    """Runs until it is told to stop. Says so through a FIFO, and holds a lock for as long as it lives."""
    _announce(payload)
    while True:
        progress(1, 2, "waiting")
        time.sleep(0.01)


def deaf(payload: dict[str, Any], progress: Any) -> Any:
    """Never looks at its progress."""
    _announce(payload)
    signal.pause()


def record(payload: dict[str, Any], progress: Any) -> Any:
    """Adds a line to a file in one write."""
    fd = os.open(payload["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{payload['n']}\n".encode())
    os.close(fd)


def _announce(payload: dict[str, Any]) -> None:
    lock = os.open(payload["lock"], os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    Path(payload["started"]).write_text(f"{os.getpid()}\n")
