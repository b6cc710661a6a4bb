"""End users whose calls guards stop again and again are locked out for a while, longer each time.

Each process counts for itself; what it knows is gone when it ends. Knows nothing of guards.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from pilothouse.config import Lockout
from pilothouse.errors import TooManyRequests

__all__ = ["Lockouts"]

_MOST_KEPT = 100_000
"""Users that are remembered; those that were quiet for longest are forgotten first."""


@dataclass(slots=True)
class _Standing:
    strikes: deque[float] = field(default_factory=deque)
    locks: int = 0
    until: float = 0.0
    last: float = 0.0


class Lockouts:
    """By project and user. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._users: OrderedDict[tuple[str, str], _Standing] = OrderedDict()

    def check(self, project: str, user: str | None, rules: Lockout | None) -> None:
        """Raises TooManyRequests for one who is locked out, with the seconds that are left."""
        if rules is None or not user:
            return
        standing = self._users.get((project, user))
        left = 0.0 if standing is None else standing.until - self._clock()
        if left > 0:
            told = f"Guards stopped too many calls of this user. Try again in {left:.0f} seconds."
            raise TooManyRequests(told, retry_after=left)

    def strike(self, project: str, user: str | None, rules: Lockout | None) -> bool:
        """A guard stopped a call of theirs. Whether that locks them out."""
        if rules is None or not user:
            return False
        now, key = self._clock(), (project, user)
        standing = self._users.setdefault(key, _Standing())
        self._users.move_to_end(key)
        while len(self._users) > _MOST_KEPT:
            self._users.popitem(last=False)
        if standing.locks and now - max(standing.last, standing.until) > rules.forget:
            standing.locks = 0
        standing.last = now
        standing.strikes.append(now)
        while standing.strikes[0] <= now - rules.within:
            standing.strikes.popleft()
        if len(standing.strikes) < rules.triggers:
            return False
        standing.strikes.clear()
        standing.until = now + rules.seconds[min(standing.locks, len(rules.seconds) - 1)]
        standing.locks += 1
        return True
