"""The counters of one process: plain dictionaries, a few microseconds per call, gone with the process.

Limits are GCRA (ITU-T I.371) in its form of a leaking bucket: the level rises by what is taken and leaks `limit` units
per minute; what would rise above `limit` is refused. Levels are kept in units times milliseconds of the minute, so
that all arithmetic is exact in integers. What is given back long after it was taken can be used at once, beside what
has leaked meanwhile; over both together no more passes than the limit and the time allow. Knows nothing of other
processes.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock

from pilothouse.ids import now_us
from pilothouse.storage.counters import Fund, Standing, Take, Verdict

__all__ = ["SETTLED_US", "MemoryCounters"]

_MINUTE = 60_000  # milliseconds
_MS = 0.001
SETTLED_US = 86_400_000_000
"""How long a settled hold waits for its ledger entry (microseconds)."""


class MemoryCounters:
    """The contract of Counters within one process. Names that nothing counts on any more are forgotten.

    `take` and `adjust` belong to one thread; what concerns funds may come from any. Holds expire by `clock`.
    """

    down = False

    def __init__(self, clock: Callable[[], int] = now_us) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, list[int]] = OrderedDict()  # name -> [level, at_ms, limit]
        self._places: dict[str, set[str]] = {}
        self._funds: OrderedDict[str, _Account] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        """How many names are remembered."""
        return len(self._buckets) + len(self._places) + len(self._funds)

    async def take(self, holder: str, takes: Sequence[Take], now_us: int) -> Verdict:
        """As the contract says. Never suspends."""
        now = now_us // 1000
        levels = []
        refused, longest = None, -1.0
        for index, take in enumerate(takes):
            level, wait = self._look(holder, take, now)
            levels.append(level)
            if wait is not None and wait > longest:
                refused, longest = index, wait
        remaining, reset = [], []
        for (name, limit, cost, parallel), level in zip(takes, levels, strict=True):
            if parallel:
                if refused is None and cost:
                    places = self._places.setdefault(name, set())
                    places.add(holder)
                    level = len(places)
                remaining.append(max(0, limit - level))
                reset.append(0.0)
            else:
                if refused is None and cost:
                    level += cost * _MINUTE
                    self._put(name, level, now, limit)
                remaining.append(max(0, limit - -(-level // _MINUTE)))
                reset.append(-(-level // limit) * _MS)
        retry = None if refused is None or takes[refused].parallel else longest * _MS
        return Verdict(refused, remaining, reset, retry)

    def adjust(self, holder: str, takes: Sequence[Take], now_us: int) -> None:
        """As the contract says."""
        now = now_us // 1000
        for take in takes:
            if take.parallel:
                places = self._places.get(take.name)
                if places is not None:
                    places.discard(holder)
                    if not places:
                        del self._places[take.name]
            else:
                level = self._level(take.name, take.limit, now) + take.cost * _MINUTE
                self._put(take.name, max(0, level), now, take.limit)

    async def reserve(
        self, hold: str, funds: Sequence[Fund], nano: int, tokens: int, expires_us: int
    ) -> tuple[int | None, Sequence[int]]:
        """As the contract says. Never suspends."""
        now = self._clock()
        with self._lock:
            accounts = [self._funds.get(fund.name) for fund in funds]
            known = [account for account in accounts if account is not None]
            if len(known) < len(funds):
                return None, [index for index, account in enumerate(accounts) if account is None]
            for index, (fund, account) in enumerate(zip(funds, known, strict=True)):
                account.expire(now)
                if not account.fits(fund, hold, nano, tokens):
                    return index, ()
            for fund, account in zip(funds, known, strict=True):
                account.hold(hold, nano, tokens, expires_us)
                account.used = now
                self._funds.move_to_end(fund.name)
        return None, ()

    def settle(self, hold: str, funds: Sequence[Fund], nano: int, tokens: int) -> None:
        """As the contract says."""
        expires = self._clock() + SETTLED_US
        with self._lock:
            for fund in funds:
                account = self._funds.get(fund.name)
                if account is None or hold not in account.holds:
                    continue
                if nano or tokens:
                    account.hold(hold, nano, tokens, expires)
                else:
                    account.drop(hold)

    def post(self, fund: str, nano: int, tokens: int, version: int, holds: Sequence[str]) -> None:
        """As the contract says."""
        now = self._clock()
        with self._lock:
            self._forget_funds(now)
            account = self._funds.get(fund)
            if account is None:
                account = self._funds[fund] = _Account()
            account.used = now
            if version >= account.version:
                account.version, account.nano, account.tokens = version, nano, tokens
            for hold in holds:
                account.drop(hold)

    async def standings(self, funds: Sequence[str]) -> Sequence[Standing | None]:
        """As the contract says."""
        now = self._clock()
        with self._lock:
            found = [self._funds.get(fund) for fund in funds]
            return [None if account is None else account.standing(now) for account in found]

    async def holds(self, funds: Sequence[str]) -> Sequence[Sequence[str]]:
        """As the contract says. Never suspends."""
        with self._lock:
            found = [self._funds.get(fund) for fund in funds]
            return [() if account is None else list(account.holds) for account in found]

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _look(self, holder: str, take: Take, now: int) -> tuple[int, float | None]:
        """Where a name stands (holders, or a level), and how long there is no room for this take (ms), None if it has.

        For a place that is unknown: 0.
        """
        name, limit, cost, parallel = take
        if parallel:
            places = self._places.get(name, ())
            full = cost and len(places) >= limit and holder not in places
            return len(places), 0.0 if full else None
        level = self._level(name, limit, now)
        over = level + (cost - limit) * _MINUTE
        return level, -(-over // limit) if cost and over > 0 else None

    def _level(self, name: str, limit: int, now: int) -> int:
        bucket = self._buckets.get(name)
        if bucket is None:
            return 0
        level, at, _ = bucket
        if now > at:
            level -= (now - at) * limit
        elif at - now > _MINUTE:  # the clock was set back: from here on it leaks again
            bucket[1] = now
        return level if level > 0 else 0

    def _put(self, name: str, level: int, now: int, limit: int) -> None:
        bucket = self._buckets.get(name)
        if bucket is not None:
            bucket[0], bucket[1], bucket[2] = level, max(now, bucket[1]), limit
            return
        for _ in range(2):  # every new name looks at two old ones, so the idle ones cannot pile up
            if self._buckets:
                old = next(iter(self._buckets))
                left, at, per_minute = self._buckets[old]
                if (now - at) * per_minute >= left:
                    del self._buckets[old]
                else:
                    self._buckets.move_to_end(old)
        self._buckets[name] = [level, now, limit]

    def _forget_funds(self, now: int) -> None:
        """Two of the longest unused funds go, a day after their last use; a caller posts them again if it must."""
        for _ in range(2):
            if self._funds:
                name, account = next(iter(self._funds.items()))
                account.expire(now)
                if account.holds or now - account.used < SETTLED_US:
                    self._funds.move_to_end(name)
                else:
                    del self._funds[name]


class _Account:
    """What is known of one fund. Holds are [nano, tokens, expires_us]."""

    __slots__ = ("held_nano", "held_tokens", "holds", "nano", "next_expiry", "tokens", "used", "version")

    def __init__(self) -> None:
        self.nano = self.tokens = self.held_nano = self.held_tokens = self.used = 0
        self.version = -1
        self.holds: dict[str, list[int]] = {}
        self.next_expiry = 0  # none expires before

    def fits(self, fund: Fund, hold: str, nano: int, tokens: int) -> bool:
        old = self.holds.get(hold, (0, 0))
        money = fund.nano is None or not nano or self.nano + self.held_nano - old[0] + nano <= fund.nano
        return money and (
            fund.tokens is None or not tokens or self.tokens + self.held_tokens - old[1] + tokens <= fund.tokens
        )

    def hold(self, hold: str, nano: int, tokens: int, expires_us: int) -> None:
        old = self.holds.get(hold)
        if old is not None:
            self.held_nano, self.held_tokens = self.held_nano - old[0], self.held_tokens - old[1]
        self.next_expiry = min(self.next_expiry, expires_us) if self.holds else expires_us
        self.holds[hold] = [nano, tokens, expires_us]
        self.held_nano, self.held_tokens = self.held_nano + nano, self.held_tokens + tokens

    def drop(self, hold: str) -> None:
        old = self.holds.pop(hold, None)
        if old is not None:
            self.held_nano, self.held_tokens = self.held_nano - old[0], self.held_tokens - old[1]

    def expire(self, now: int) -> None:
        if self.holds and now >= self.next_expiry:
            for hold in [hold for hold, amounts in self.holds.items() if now >= amounts[2]]:
                self.drop(hold)
            self.next_expiry = min((amounts[2] for amounts in self.holds.values()), default=0)

    def standing(self, now: int) -> Standing:
        self.expire(now)
        return Standing(self.nano, self.tokens, self.held_nano, self.held_tokens, self.version)
