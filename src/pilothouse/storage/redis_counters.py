"""The counters of many processes, exact between them: every step is one script inside one Redis (not a cluster).

Time is Redis' own, since the clocks of hosts differ: a host that is a second ahead would find buckets emptier than they
are. What other calls wait for (`take`, `reserve`) is asked; what they need not wait for is queued, delivered in order
and exactly once, and survives Redis being away. Places have a lease that this process renews, so those of a killed one
come free. Holds are remembered here until the ledger has them, and told again to a Redis that lost its data.
"""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from pilothouse.ids import new_id, now_us
from pilothouse.storage.counters import Fund, Standing, Take, Verdict
from pilothouse.storage.memory_counters import SETTLED_US
from pilothouse.storage.redis import Command, RedisLine
from pilothouse.storage.redis_scripts import APPLY, HOLDS, RESERVE, STANDINGS, TAKE

__all__ = ["RedisCounters"]

_BATCH = 1000
_EXACT = 2**53
_MS = 0.001


@dataclass(frozen=True, slots=True)
class _Held:
    funds: tuple[str, ...]
    nano: int
    tokens: int
    expires_us: int


class RedisCounters:
    """The contract of Counters over Redis. Nothing is connected before the first call from a running event loop.

    `timeout`, `rest` and `lease` are in seconds: how long an exchange may take, how long to wait before trying again a
    Redis that is away, and how long a place outlives its process. `most_queued` operations wait for it at most; beyond,
    the oldest are dropped (counted by `dropped`). `clock` replaces Redis' own, for replays and tests.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 0.5,
        rest: float = 0.5,
        lease: float = 30.0,
        most_queued: int = 100_000,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._clock = clock
        self._lease_ms = round(lease * 1000)
        self._line = RedisLine(url, self, timeout=timeout, rest=rest, beat=lease / 3)
        self._queue: deque[tuple[str | int, ...]] = deque(maxlen=most_queued)
        self._sending: Command | None = None
        self._sender, self._number = f"ph:sender:{new_id()}", 1
        self._epoch: bytes | None = None
        self._places: set[tuple[str, str]] = set()
        self._holds: dict[str, _Held] = {}
        self._lock = Lock()
        self.dropped = 0

    @property
    def down(self) -> bool:
        """Whether Redis is away, or still catching up with what was queued meanwhile."""
        return self._line.down

    async def take(self, holder: str, takes: Sequence[Take], now_us: int) -> Verdict:
        """As the contract says. `now_us` is not used, unless this has a clock."""
        args: list[str | int] = [self._now(now_us), self._lease_ms, holder]
        for take in takes:
            args += ("p" if take.parallel else "r", take.limit, take.cost)

        def undo(reply: Any) -> None:
            """Nobody learnt of it. Where Redis did not answer it may be taken or not: a place can be freed anyway."""
            granted = reply is not None and reply.startswith(b"-1")
            taken = [take for take in takes if take.cost and (take.parallel or granted)]
            self.adjust(holder, [Take(t.name, t.limit, -t.cost, t.parallel) for t in taken], now_us)

        reply = await self._line.ask(Command(TAKE, [_counter_key(take) for take in takes], args), undo)
        index, wait, *standing = [int(number) for number in reply.split()]
        remaining, reset = standing[::2], [ms * _MS for ms in standing[1::2]]
        if index >= 0:
            return Verdict(index, remaining, reset, None if takes[index].parallel else wait * _MS)
        for take in takes:
            if take.parallel and take.cost:
                self._places.add((take.name, holder))
        return Verdict(None, remaining, reset)

    def adjust(self, holder: str, takes: Sequence[Take], now_us: int) -> None:
        """As the contract says."""
        for take in takes:
            if take.parallel:
                self._places.discard((take.name, holder))
                self._tell("free", _counter_key(take), holder)
            else:
                self._tell("adjust", _counter_key(take), take.limit, take.cost)

    async def reserve(
        self, hold: str, funds: Sequence[Fund], nano: int, tokens: int, expires_us: int
    ) -> tuple[int | None, Sequence[int]]:
        """As the contract says."""
        names = tuple(fund.name for fund in funds)
        nano, tokens = min(nano, _EXACT), min(tokens, _EXACT)
        args: list[str | int] = [self._now(), hold, nano, tokens, self._ttl(expires_us)]
        for fund in funds:
            args += ("" if fund.nano is None else fund.nano, "" if fund.tokens is None else fund.tokens)

        def undo(reply: Any) -> None:
            if reply is None or (reply[0] < 0 and not reply[1]):
                for name in names:
                    self._tell("drop", _fund_key(name), hold)

        reply = await self._line.ask(Command(RESERVE, [_fund_key(name) for name in names], args), undo)
        if reply[1]:
            self._tell_holds({names[index] for index in reply[1]})
            return None, reply[1]
        if reply[0] >= 0:
            return reply[0], ()
        with self._lock:
            self._holds[hold] = _Held(names, nano, tokens, expires_us)
        return None, ()

    def settle(self, hold: str, funds: Sequence[Fund], nano: int, tokens: int) -> None:
        """As the contract says."""
        nano, tokens = min(nano, _EXACT), min(tokens, _EXACT)
        gone = not nano and not tokens
        with self._lock:
            known = self._holds.get(hold)
            if known is not None and gone:
                del self._holds[hold]
            elif known is not None:
                self._holds[hold] = _Held(known.funds, nano, tokens, self._here() + SETTLED_US)
        for fund in funds:
            if gone:
                self._tell("drop", _fund_key(fund.name), hold)
            else:
                self._tell("settle", _fund_key(fund.name), hold, nano, tokens, SETTLED_US // 1000)

    def post(self, fund: str, nano: int, tokens: int, version: int, holds: Sequence[str]) -> None:
        """As the contract says."""
        with self._lock:
            for hold in holds:
                self._holds.pop(hold, None)
        self._tell("post", _fund_key(fund), nano, tokens, version)
        for hold in holds:
            self._tell("drop", _fund_key(fund), hold)

    async def standings(self, funds: Sequence[str]) -> Sequence[Standing | None]:
        """As the contract says."""
        keys = [_fund_key(fund) for fund in funds]
        rows = await self._line.ask(Command(STANDINGS, keys, [self._now()]), lambda reply: None)
        return [row and Standing(*(int(value) for value in row)) for row in rows]

    async def holds(self, funds: Sequence[str]) -> Sequence[Sequence[str]]:
        """As the contract says."""
        rows = await self._line.ask(Command(HOLDS, [_fund_key(fund) for fund in funds], ()), lambda reply: None)
        return [[hold.decode() for hold in row] for row in rows]

    async def aclose(self) -> None:
        """As the contract says."""
        await self._line.aclose()

    def batch(self) -> Command | None:
        """For the line: the next operations to be delivered."""
        if self._sending is None and (self._queue or self._epoch is None):
            args: list[str | int] = [self._now(), self._number, new_id()]
            for _ in range(min(_BATCH, len(self._queue))):
                args += self._queue.popleft()
            self._sending = Command(APPLY, [self._sender, "ph:epoch"], args)
        return self._sending

    def delivered(self, reply: Any) -> None:
        """For the line: Redis has applied the batch, and says which epoch it lives in."""
        self._sending, self._number = None, self._number + 1
        if self._epoch not in (None, reply):
            self._tell_holds(None)
            self.beat()
        self._epoch = reply

    def more(self) -> bool:
        """For the line: whether operations wait beside the batch."""
        return bool(self._queue)

    def beat(self) -> None:
        """For the line: renew the leases of running calls, forget holds that have expired."""
        for name, holder in self._places:
            self._tell("renew", f"ph:p:{name}", holder, self._lease_ms)
        now = self._here()
        with self._lock:
            for hold in [hold for hold, held in self._holds.items() if held.expires_us <= now]:
                del self._holds[hold]

    def _tell_holds(self, funds: Collection[str] | None) -> None:
        """Tell Redis again what is held in these funds (all of them where None), as far as this process knows."""
        with self._lock:
            for hold, held in self._holds.items():
                for name in held.funds:
                    if funds is None or name in funds:
                        ttl = self._ttl(held.expires_us)
                        self._tell("again", _fund_key(name), hold, held.nano, held.tokens, ttl)

    def _tell(self, *operation: str | int) -> None:
        if len(self._queue) == self._queue.maxlen:
            self.dropped += 1  # the oldest gives way: budgets then hold more than they need to, until it expires
        self._queue.append(operation)
        self._line.nudge()

    def _here(self) -> int:
        return now_us() if self._clock is None else self._clock()

    def _now(self, at_us: int | None = None) -> str | int:
        """The time to hand to a script (ms): none, so that Redis reads its own clock."""
        return "" if self._clock is None else (self._clock() if at_us is None else at_us) // 1000

    def _ttl(self, expires_us: int) -> int:
        return (expires_us - self._here()) // 1000


def _counter_key(take: Take) -> str:
    return f"ph:p:{take.name}" if take.parallel else f"ph:r:{take.name}"


def _fund_key(fund: str) -> str:
    return f"ph:f:{fund}"
