"""Values that are fetched from elsewhere and kept: fresh for a while, then served stale while one is renewed behind.

Of those who want a value that is not there one fetches it, and the others wait for that. A source that is away is asked
again after a pause that grows. Knows nothing of what the values are.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Fresh", "Kept"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
"""Seconds after a failure in which the source is not asked again for the same."""
_SPREAD = 0.1
"""Copies of a program that started together do not renew together: by so much of the ttl they differ."""


@dataclass(slots=True)
class Kept(Generic[V]):
    """A value, fetched at `at` (seconds of the clock), and by how much its ttl is stretched."""

    value: V
    at: float
    stretch: float


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until: float = float("-inf")


class Fresh(Generic[K, V]):
    """`fetch` begins to fetch a value and gives its future; `gone` says of an error that the value is not there any
    more, which is an answer: what is kept of it is forgotten. Safe to use from many threads, and after a fork."""

    def __init__(
        self, fetch: Callable[[K], Future[V]], gone: Callable[[BaseException], bool], *, most: int = 10_000,
        clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._fetch = fetch
        self._gone = gone
        self._most = most
        self._clock = clock
        self._chance = chance
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._kept: dict[K, Kept[V]] = {}
        self._flights: dict[K, Future[V]] = {}
        self._failures: dict[K, _Failures] = {}

    def look(self, key: K, ttl: float) -> V | None:
        """The value that is kept, None where there is none. An old one is renewed behind."""
        kept = self._kept.get(key)  # one look into a dict needs no lock
        if kept is None:
            return None
        if self._clock() - kept.at >= ttl * kept.stretch:
            self.renew(key)
        return kept.value

    def fetch(self, key: K) -> Future[V]:
        """Fetch it now, or join who does. The future is that of all who wait: do not cancel it."""
        self._in_this_process()
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None:
                return flight
            flight = self._flights[key] = Future()
            begun = self._fetch(key)
        begun.add_done_callback(lambda done: self._landed(key, done, flight))
        return flight

    def renew(self, key: K) -> None:
        """Fetch it behind, but while the source is known to be away."""
        self._in_this_process()
        failures = self._failures.get(key)
        if key not in self._flights and (failures is None or self._clock() >= failures.until):
            self.fetch(key)

    def resting(self, key: K) -> bool:
        """Whether the last attempt failed, so short ago that there will be no other yet."""
        failures = self._failures.get(key)
        return failures is not None and self._clock() < failures.until

    def put(self, key: K, value: V) -> None:
        """Keep a value that came otherwise, and is old: it is renewed when it is next asked for."""
        with self._lock:
            self._keep(key, value, float("-inf"))

    def forget(self, matching: Callable[[K], bool] = lambda _: True) -> None:
        """Keep nothing of these keys, nor what is on its way: the next who asks fetches."""
        with self._lock:
            for kept in (self._kept, self._failures, self._flights):
                for key in [one for one in kept if matching(one)]:
                    kept.pop(key)

    def _in_this_process(self) -> None:
        """After a fork: what was on its way never comes, and who held the lock is not here."""
        if self._process != os.getpid():
            self._process = os.getpid()
            self._lock = threading.Lock()
            self._flights.clear()

    def _landed(self, key: K, done: Future[V], flight: Future[V]) -> None:
        """Keep what came, then let those go on who wait for it."""
        error = CancelledError() if done.cancelled() else done.exception()
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
                if error is None:
                    self._failures.pop(key, None)
                    self._keep(key, done.result(), self._clock())
                else:
                    self._failed(key, error)
        if error is None:
            flight.set_result(done.result())
        else:
            flight.set_exception(error)

    def _failed(self, key: K, error: BaseException) -> None:
        if len(self._failures) >= self._most:
            self._failures.clear()
        failures = self._failures.setdefault(key, _Failures())
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures.count, 10)) * (1 + self._chance()) / 2
        failures.count, failures.until = failures.count + 1, self._clock() + pause
        if self._gone(error):
            self._kept.pop(key, None)

    def _keep(self, key: K, value: V, at: float) -> None:
        while len(self._kept) >= self._most and key not in self._kept:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = Kept(value, at, 1 - _SPREAD + 2 * _SPREAD * self._chance())
