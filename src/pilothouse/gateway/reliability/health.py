"""How each deployment is doing: its circuit breaker, how busy it is, how fast it answers. Kept by id across reloads.

    closed      calls pass; `failures` in a row, or `error_share` of the calls in `window` seconds, open it
    open        calls go elsewhere until the cool down is over, or the provider's Retry-After where that is longer
    half-open   one call at a time is let through: its success closes the breaker, its failure opens it again

Only what is a deployment's own fault counts: not what the caller sent, not that the caller left. A 429 opens nothing:
the deployment is busy until its Retry-After. Knows nothing of requests, and takes no decision: see attempts.py.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pilothouse.config import Resilience
from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    ProviderError,
    ProviderRejected,
    ProviderUnavailable,
    RateLimited,
)

__all__ = ["Breaker", "DeploymentHealth", "Health", "Latency", "Vitals", "is_own_fault"]

Breaker = Literal["closed", "open", "half-open"]

_BUSY = 1.0  # seconds after a 429 that names none
_LONGEST_ASKED = 300.0  # seconds of a Retry-After: quotas are raised, and some servers name the end of the month
_SLOTS = 10  # of the window of calls
_FEWEST = 10  # calls in the window before a share of them says something
_SAMPLES = 128
_FEWEST_SAMPLES = 20
_REFRESH = 16
_SMOOTHING = 0.2
_MOST = 4096  # deployments kept: callers choose the names of direct ones


def is_own_fault(error: ProviderError) -> bool:
    """Whether a failure tells of the deployment rather than of the request. A model that is not there (404) does."""
    if isinstance(error, ProviderRejected):
        return error.upstream_status == 404
    return not isinstance(error, ContextTooLong | ContentFiltered)


def _asked_wait(error: ProviderError, otherwise: float) -> float:
    return otherwise if error.retry_after is None else min(error.retry_after, _LONGEST_ASKED)


class Latency:
    """Times in seconds: an exponentially weighted average, and the 95th percentile of the last 128."""

    __slots__ = ("_fresh", "_p95", "_samples", "average", "count")

    def __init__(self) -> None:
        self.average: float | None = None
        self.count = 0
        self._samples: list[float] = []
        self._p95: float | None = None
        self._fresh = 0

    def add(self, seconds: float) -> None:
        average = self.average
        self.average = seconds if average is None else average + _SMOOTHING * (seconds - average)
        if self.count < _SAMPLES:
            self._samples.append(seconds)
        else:
            self._samples[self.count % _SAMPLES] = seconds
        self.count += 1
        self._fresh += 1

    @property
    def p95(self) -> float | None:
        """None before 20 samples. Computed anew after each 16."""
        if self.count < _FEWEST_SAMPLES:
            return None
        if self._p95 is None or self._fresh >= _REFRESH:
            ordered = sorted(self._samples)
            self._p95 = ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]
            self._fresh = 0
        return self._p95


class _Window:
    """How many calls of the last `seconds` failed, counted in ten slots."""

    __slots__ = ("_rate", "_slots")

    def __init__(self, seconds: float) -> None:
        self._rate = _SLOTS / seconds
        self._slots = [[-_SLOTS, 0, 0] for _ in range(_SLOTS)]

    def add(self, now: float, failed: int) -> None:
        number = int(now * self._rate)
        slot = self._slots[number % _SLOTS]
        if slot[0] != number:
            slot[:] = (number, 0, 0)
        slot[1] += 1
        slot[2] += failed

    def share(self, now: float) -> float | None:
        """The share that failed; None where the calls are too few to tell."""
        oldest = int(now * self._rate) - _SLOTS
        recent = [slot for slot in self._slots if slot[0] > oldest]
        total = sum(slot[1] for slot in recent)
        return sum(slot[2] for slot in recent) / total if total >= _FEWEST else None


class Vitals:
    """One deployment's. Times on the clock of Health; 0.0 stands for never.

    `streamed` is the time to the first content of streams, `whole` that of JSON answers.
    """

    __slots__ = (
        "_windows", "busy_until", "by_check", "cause", "failures", "in_flight", "open_until", "probing", "streamed",
        "whole",
    )  # fmt: skip

    def __init__(self) -> None:
        self.failures = 0
        self.in_flight = 0
        self.open_until = 0.0
        self.busy_until = 0.0
        self.probing = False
        self.by_check = False
        self.cause: type[ProviderError] = ProviderUnavailable
        self.streamed = Latency()
        self.whole = Latency()
        self._windows: dict[float, _Window] = {}  # aliases that share a deployment may look back differently

    def breaker(self, now: float) -> Breaker:
        if self.open_until == 0.0:
            return "closed"
        return "open" if now < self.open_until else "half-open"

    def admit(self, now: float) -> bool:
        """Whether a call may go there now. Half-open, the first one told so holds the probe until it ends."""
        if now < self.busy_until:
            return False
        if self.open_until == 0.0:
            return True
        if now < self.open_until or self.probing:
            return False
        self.probing = True
        return True

    def healthy(self, now: float) -> bool:
        """Closed and not busy."""
        return self.open_until == 0.0 and now >= self.busy_until

    def answered(self, now: float, resilience: Resilience) -> None:
        """It did its work, be it to say that the request cannot be served."""
        self.failures = 0
        if self.open_until:
            self._close()
        self._window(resilience.window).add(now, 0)

    def failed(self, error: ProviderError, now: float, resilience: Resilience) -> None:
        """A call failed there. Opens the breaker when it is enough."""
        if not is_own_fault(error):
            return self.answered(now, resilience)
        if isinstance(error, RateLimited):
            self.busy_until = max(self.busy_until, now + _asked_wait(error, _BUSY))
            return
        self.failures += 1
        window = self._window(resilience.window)
        window.add(now, 1)
        share = window.share(now)
        enough = self.failures >= resilience.failures or (share is not None and share >= resilience.error_share)
        if enough or self.open_until:
            self.cause = type(error)
            self.open_until = max(self.open_until, now + max(resilience.cool_down, _asked_wait(error, 0.0)))

    def error_share(self, now: float) -> float | None:
        """The share of recent calls that failed; the worst, where aliases look back differently."""
        shares = [share for window in [*self._windows.values()] if (share := window.share(now)) is not None]
        return max(shares, default=None)

    def open_for(self, seconds: float, now: float, cause: type[ProviderError]) -> None:
        """A health check failed: no calls until the next one had its turn."""
        self.by_check = True
        self.cause = cause
        self.open_until = max(self.open_until, now + seconds)

    def back(self, now: float) -> None:
        """A health check passed: closes what a check had opened, lets a probe through where calls had failed."""
        if self.by_check:
            self.failures = 0
            self._close()
        elif self.open_until:
            self.open_until = min(self.open_until, now)

    def _close(self) -> None:
        self.open_until = 0.0
        self.by_check = False
        self._windows.clear()

    def _window(self, seconds: float) -> "_Window":
        window = self._windows.get(seconds)
        if window is None:
            window = self._windows[seconds] = _Window(seconds)
        return window


@dataclass(frozen=True, slots=True)
class DeploymentHealth:
    """A deployment's state for the console and the metrics. Times in seconds, None where nothing is known.

    `error_share` is of the calls in the window of its breaker, None where they are too few to tell.
    """

    id: str
    breaker: Breaker
    failures: int
    in_flight: int
    opens_in: float
    busy_for: float
    ttft: float | None
    ttft_p95: float | None
    answer_time: float | None
    error_share: float | None


class Health:
    """The Vitals of every deployment, made at the first question. `clock` counts seconds, never backwards."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._vitals: dict[str, Vitals] = {}

    def of(self, deployment: str) -> Vitals:
        """The Vitals of a deployment by its id."""
        vitals = self._vitals.get(deployment)
        if vitals is None:
            if len(self._vitals) >= _MOST:
                self._forget()
            vitals = self._vitals[deployment] = Vitals()
        return vitals

    def states(self) -> list[DeploymentHealth]:
        """Every deployment that was called or checked, by id."""
        now = self.clock()
        return [
            DeploymentHealth(
                id=name,
                breaker=vitals.breaker(now),
                failures=vitals.failures,
                in_flight=vitals.in_flight,
                opens_in=max(0.0, vitals.open_until - now),
                busy_for=max(0.0, vitals.busy_until - now),
                ttft=vitals.streamed.average,
                ttft_p95=vitals.streamed.p95,
                answer_time=vitals.whole.average,
                error_share=vitals.error_share(now),
            )
            for name, vitals in sorted(self._vitals.items())
        ]

    def _forget(self) -> None:
        """Make room: the first that is idle, closed and not busy goes, else the first."""
        now = self.clock()
        idle = (n for n, v in self._vitals.items() if not v.in_flight and not v.open_until and v.busy_until <= now)
        del self._vitals[next(idle, next(iter(self._vitals)))]
