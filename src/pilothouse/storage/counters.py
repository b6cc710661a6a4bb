"""Counters that many callers share: sliding limits, running calls, and what budgets have left.

The contract of every backend, and the one in memory. Plain arithmetic on names; knows nothing of keys or prices.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Counters", "Fund", "Standing", "Take", "Verdict"]


@dataclass(frozen=True, slots=True)
class Take:
    """`cost` units out of `limit` per minute, sliding (GCRA); or, with `parallel`, one of `limit` places at once."""

    name: str
    limit: int
    cost: int = 1
    parallel: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a list of takes: all were granted, or none. `refused` is the index of the one that had no room.

    `remaining` and `reset` (seconds until all of it is back) stand beside the takes, in their order. `retry_after` is
    in seconds; None where it depends on a running call.
    """

    refused: int | None
    remaining: Sequence[int]
    reset: Sequence[float]
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Fund:
    """A budget of one account in one period, such as `key:abc|month:2026-11`. None does not limit."""

    name: str
    nano: int | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a fund stands: what the ledger has settled, and what is held by calls whose entry is not there yet."""

    settled_nano: int
    settled_tokens: int
    held_nano: int
    held_tokens: int
    version: int


class Counters(Protocol):
    """One place for all who count. Methods without `async` return at once; a backend that is remote sends them on."""

    async def take(self, holder: str, takes: Sequence[Take], now_us: int) -> Verdict:
        """Take from all or from none. `holder` names the call, for the parallel places."""
        ...

    def adjust(self, holder: str, takes: Sequence[Take], now_us: int) -> None:
        """Correct earlier takes by their `cost`, negative to give back; a parallel one frees its place."""
        ...

    async def reserve(
        self, hold: str, funds: Sequence[Fund], nano: int, tokens: int, expires_us: int
    ) -> tuple[int | None, Sequence[int]]:
        """Hold this much in every fund, or in none. (index of the fund that has no room, indexes of unknown funds).

        An unknown fund has never been posted here (a fresh start, a flushed Redis): nothing is held then, and the
        caller posts it and asks again.
        """
        ...

    def settle(self, hold: str, funds: Sequence[Fund], nano: int, tokens: int) -> None:
        """Set what a hold amounts to in the end. It stays until the ledger's own sum, which has it, is posted."""
        ...

    def post(self, fund: str, nano: int, tokens: int, version: int, holds: Sequence[str]) -> None:
        """The ledger's own sum of a fund; one with a lower version than the last is ignored. Removes `holds`."""
        ...

    async def standings(self, funds: Sequence[str]) -> Sequence[Standing | None]: ...

    async def aclose(self) -> None: ...
