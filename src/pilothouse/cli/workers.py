"""The processes of `pilothouse up --workers`: started, started anew when one dies, stopped together.

They share a port by SO_REUSEPORT, so that the kernel spreads connections among them. Knows nothing of what they serve.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import click

from pilothouse.errors import ConfigError
from pilothouse.settings import Settings

__all__ = ["claim", "keep_running", "report"]

_LOOK = 0.1  # seconds between two looks at the processes
_MOST_FAILED = 3  # starts in a row; then it is no accident
_PAUSE = 1.0  # seconds before one is started anew
_PATIENCE = 15.0  # seconds beyond the grace that a process has to end


@contextmanager
def claim(host: str, port: int) -> Iterator[int]:
    """Keeps a port for the processes that will share it, and gives its number. Raises ConfigError where somebody else
    listens there, or where this system cannot share one."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise ConfigError("This system lets no processes share a port: start one worker per port.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()  # which fails beside others, who may share, too
        kept = socket.socket(family)
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind((host, port))
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port.") from None
    with kept:
        yield kept.getsockname()[1]


def keep_running(commands: Sequence[Sequence[str]], settings: Settings, begun: Callable[[], None]) -> int:
    """Run these commands on the home of `settings` until told to stop (SIGTERM, SIGINT); gives the exit code.

    Calls `begun` once all of them listen (see `report`). SIGHUP goes on to all. One that ends by itself is started
    anew; where one ends before it listens, three times in a row, all are stopped, with exit code 1.
    """
    told, waiting = threading.Event(), True
    workers = [_Worker(command, _environment(settings)) for command in commands]

    def hang_up(*_: object) -> None:
        for worker in workers:
            worker.tell(signal.SIGHUP)

    def stop(*_: object) -> None:
        told.set()

    with _handling({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: hang_up}):
        try:
            while not told.wait(_LOOK):
                for worker in workers:
                    if not worker.look():
                        return 1
                if waiting and all(worker.listens for worker in workers):
                    waiting = False
                    begun()
            return 0
        finally:
            for worker in workers:
                worker.tell(signal.SIGTERM)
            for worker in workers:
                worker.wait(settings.shutdown_grace + _PATIENCE)


def report() -> None:
    """Tell the process that started this one that it listens; and stop, in order, once that one is gone. Standard input
    is a socket to it."""
    parent = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    parent.sendall(b"1")

    def wait() -> None:
        parent.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="parent", daemon=True).start()


class _Worker:
    """A process, and those that take its place. `listens` is whether it said so."""

    def __init__(self, command: Sequence[str], env: dict[str, str]) -> None:
        self._command = command
        self._env = env
        self._failed = 0
        self._again_at: float | None = None
        self._line: socket.socket
        self.listens = False
        self._start()

    def look(self) -> bool:
        """See to it that it runs; False where that seems to be in vain."""
        if self._again_at is not None:
            if time.monotonic() >= self._again_at:
                self._start()
            return True
        self._hear()
        code = self._process.poll()
        if code is None:
            return True
        self._line.close()
        self._failed = 0 if self.listens else self._failed + 1
        vain = self._failed >= _MOST_FAILED
        then = "as those before it did, and none listened: giving up" if vain else "another takes its place"
        click.echo(f"Worker {self._process.pid} ended ({code}); {then}.", err=True)
        self._again_at = time.monotonic() + _PAUSE
        return not vain

    def tell(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, patience: float) -> None:
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._line.close()

    def _hear(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            self.listens = self.listens or self._line.recv(1) == b"1"

    def _start(self) -> None:
        self._again_at, self.listens = None, False
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        with theirs:
            self._process = subprocess.Popen(self._command, env=self._env, stdin=theirs.fileno())


def _environment(settings: Settings) -> dict[str, str]:
    """Options of the command line as the variables that they stand for."""
    env = os.environ | {"PILOTHOUSE_HOME": str(settings.home)}
    return env | ({"PILOTHOUSE_CONFIG": str(settings.config)} if settings.config.exists() else {})


@contextmanager
def _handling(handlers: dict[signal.Signals, Callable[..., object]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
