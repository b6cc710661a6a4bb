"""What figures consist of: sums and what they make, scores, users. Plain arithmetic; knows nothing of databases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from pilothouse.stats.histogram import fraction_below, linear, merge, percentile, percentiles_of_each

__all__ = ["Amounts", "Scored", "Users", "spread"]


@dataclass(frozen=True)
class Amounts:
    """Sums over a period, and what they make. Money in nano-USD, times in microseconds, speed in tokens per second.

    `failed` counts requests that ended in an error, `call_errors` calls of models. Shares are None where there is
    nothing to share. `unpriced` calls are in no cost.
    """

    requests: int = 0
    failed: int = 0
    calls: int = 0
    call_errors: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    unpriced: int = 0
    packed: Mapping[str, Sequence[bytes]] = field(default_factory=dict, repr=False, kw_only=True)
    _merged: dict[str, dict[int, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def percentile(self, histogram: str, share: float) -> float | None:
        """Of `latency` (requests), `call_latency`, `ttft`, `tokens` (per call) or `speed`; right within 4.4 %."""
        return percentile(self.histogram(histogram), share)

    def histogram(self, name: str) -> dict[int, int]:
        """The counts by bucket; see stats.histogram."""
        if name not in self._merged:
            self._merged[name] = merge(self.packed.get(name, ()))
        return self._merged[name]

    @property
    def error_rate(self) -> float | None:
        return self.failed / self.requests if self.requests else None

    @property
    def hit_rate(self) -> float | None:
        """The share of calls that a cache of ours answered."""
        return self.cached / self.calls if self.calls else None

    @property
    def cached_share(self) -> float | None:
        """The share of input tokens that the provider's cache gave. Input tokens include them."""
        return self.cached_tokens / self.input_tokens if self.input_tokens else None

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def tokens_per_request(self) -> float | None:
        return self.tokens / self.requests if self.requests else None

    @property
    def nano_per_request(self) -> float | None:
        return self.cost_nano / self.requests if self.requests else None


@dataclass(frozen=True)
class Scored:
    """The scores of one name over a period; `packed` are histograms of hundredths."""

    count: int = 0
    total: float = 0.0
    packed: Sequence[bytes] = field(default=(), repr=False)

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @cached_property
    def histogram(self) -> dict[int, int]:
        """The counts by hundredths of the value."""
        return merge(self.packed)

    def share_below(self, limit: float) -> float | None:
        """The share of scores below `limit`, which is read to two decimals."""
        return fraction_below(self.histogram, linear(limit))


@dataclass(frozen=True, slots=True)
class Users:
    """How many different users there were. `by_day` is by the UTC microsecond of a day's beginning. `more`: a day had
    more than the rollups tell apart, so that the counts are too low. `dearest` are as many as were asked for, the
    dearest first: what they cost, and their requests and calls."""

    count: int
    by_day: Mapping[int, int]
    more: bool = False
    dearest: Mapping[str, Amounts] = field(default_factory=dict)


def spread(amounts: Sequence[Amounts], histogram: str, shares: Sequence[float]) -> list[list[float | None]]:
    """The percentiles of one histogram for each of these, as `Amounts.percentile` gives them, all at once."""
    return percentiles_of_each([one.packed.get(histogram, ()) for one in amounts], shares)
