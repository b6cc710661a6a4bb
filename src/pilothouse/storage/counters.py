"""Counters that many callers share: sliding limits, running calls, and what budgets have left.

The contract of every backend: memory_counters.py within one process, redis_counters.py between several. Plain
arithmetic on names; knows nothing of keys or prices.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pilothouse.settings import Settings

__all__ = ["Counters", "Fund", "Standing", "Take", "Verdict", "open_counters"]


class Take(NamedTuple):
    """`cost` units out of `limit` per minute, sliding (GCRA); or, with `parallel`, one of `limit` places at once.

    A cost of 0 only looks: it is always granted. One above the limit never is.
    """

    name: str
    limit: int
    cost: int = 1
    parallel: bool = False


class Verdict(NamedTuple):
    """What came of a list of takes: all were granted, or none. `refused` is the index of the one that had no room, of
    several the one to wait for longest.

    `remaining` and `reset` (seconds until all of it is back) stand beside the takes, in their order. `retry_after` is
    in seconds; None where it depends on a running call.
    """

    refused: int | None
    remaining: Sequence[int]
    reset: Sequence[float]
    retry_after: float | None = None


class Fund(NamedTuple):
    """A budget of one account in one period, such as `key:abc|month:2026-11`. None does not limit."""

    name: str
    nano: int | None = None
    tokens: int | None = None


class Standing(NamedTuple):
    """Where a fund stands: what the ledger has settled, and what is held by calls whose entry is not there yet."""

    settled_nano: int
    settled_tokens: int
    held_nano: int
    held_tokens: int
    version: int


class Counters(Protocol):
    """One place for all who count. Methods without `async` return at once; a backend that is remote sends them on.

    Those with `async` raise StorageError while the backend is away, which `down` tells.
    """

    @property
    def down(self) -> bool: ...

    async def take(self, holder: str, takes: Sequence[Take], now_us: int) -> Verdict:
        """Take from all or from none. `holder` names the call, for the parallel places. A list names each once."""
        ...

    def adjust(self, holder: str, takes: Sequence[Take], now_us: int) -> None:
        """Correct earlier takes by their `cost`, negative to give back; a parallel one frees its place.

        More than the limit may be taken so: it is paid back by waiting.
        """
        ...

    async def reserve(
        self, hold: str, funds: Sequence[Fund], nano: int, tokens: int, expires_us: int
    ) -> tuple[int | None, Sequence[int]]:
        """Hold this much in every fund, or in none. (index of the fund that has no room, indexes of unknown funds).

        An unknown fund has never been posted here (a fresh start, a flushed Redis): nothing is held then, and the
        caller posts it and asks again. Nothing always has room. The same hold again changes its amounts.
        """
        ...

    def settle(self, hold: str, funds: Sequence[Fund], nano: int, tokens: int) -> None:
        """Set what a hold amounts to in the end; with 0 and 0 it is gone.

        It stays until the ledger's own sum, which has it, is posted, a day at most. An unknown hold stays unknown.
        """
        ...

    def post(self, fund: str, nano: int, tokens: int, version: int, holds: Sequence[str]) -> None:
        """The ledger's own sum of a fund; one with a lower version than the last is ignored. Removes `holds`.

        May be called from any thread.
        """
        ...

    async def standings(self, funds: Sequence[str]) -> Sequence[Standing | None]:
        """Where each fund stands; None where it was never posted."""
        ...

    async def holds(self, funds: Sequence[str]) -> Sequence[Sequence[str]]:
        """The names of what is held in each fund."""
        ...

    async def aclose(self) -> None:
        """Send what is waiting, if the backend is there, and let go of it."""
        ...


def open_counters(settings: Settings) -> Counters:
    """Counters in Redis where PILOTHOUSE_REDIS_URL is set, else in this process. Nothing is connected yet.

    Raises MissingExtra without the redis client, ConfigError for a URL that it cannot read.
    """
    from pilothouse.storage.memory_counters import MemoryCounters  # noqa: PLC0415 - backends import this contract
    from pilothouse.storage.redis_counters import RedisCounters  # noqa: PLC0415 - backends import this contract

    return MemoryCounters() if settings.redis_url is None else RedisCounters(settings.redis_url)
