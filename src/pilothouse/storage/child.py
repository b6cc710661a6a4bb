"""A worker process, seen by its parent: started with one job, listened to, stopped. The other side is `worker.py`."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Self

import msgspec

from pilothouse.storage.jobs import Job
from pilothouse.types import Json

__all__ = ["Child"]

_EXIT_SECONDS = 5.0
_STDERR = 2
_PROGRAM = Path(__file__).with_name("worker.py")  # run by its path: as a module it would load this whole package first


class Child:
    """The process of one job, in a session of its own: a Ctrl-C at the terminal reaches the parent alone.

    Used as a context manager; at its end the process and what it started are gone.
    """

    def __init__(self, job: Job, target: str | None) -> None:
        self._pipe, theirs = Pipe()
        with theirs:
            # -P: the program's folder is no place to import from. What a task prints goes to stderr, not into output.
            command = [sys.executable, "-P", str(_PROGRAM), str(theirs.fileno())]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=_STDERR, start_new_session=True
            )
        self._send(msgspec.json.encode({"task": job.task, "target": target, "payload": job.payload}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def receive(self, timeout: float) -> Json | None:
        """The next message, None after `timeout` seconds without one. Raises EOFError when the process is gone."""
        try:
            return msgspec.json.decode(self._pipe.recv_bytes()) if self._pipe.poll(timeout) else None
        except OSError:
            raise EOFError from None

    def ask_to_stop(self) -> None:
        self._send(b"")

    def cause_of_death(self) -> str:
        """Why the process ended without an answer, as a sentence."""
        try:
            code = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            return "Its process closed its connection and did not exit."
        if code >= 0:
            return f"Its process exited with code {code} before it was done."
        name = signal.Signals(-code).name
        hint = " The system does that when memory runs out." if -code == signal.SIGKILL else ""
        return f"Its process was killed by {name}.{hint}"

    def _send(self, message: bytes) -> None:
        """A process that is gone shows at the next `receive`."""
        with suppress(OSError):
            self._pipe.send_bytes(message)
