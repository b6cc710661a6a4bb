"""The soft limit of budgets: which are nearly used up, told once for each period. Knows nothing of how it is counted.

Each process tells for itself: where several serve, each tells once.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pilothouse.access.purses import Purse
from pilothouse.config import Period
from pilothouse.observe import Metrics
from pilothouse.observe.money import usd

__all__ = ["Alert", "Alerts"]

_logger = logging.getLogger(__name__)
_MOST_LABELS = 1000  # callers choose users' names: metrics stay bounded
_OTHER = "_OTHER"


@dataclass(frozen=True, slots=True)
class Alert:
    """A budget past its soft limit: what is spent of what (nano-USD, tokens), in the period that ends before `ends`."""

    account: str
    period: Period
    fund: str
    ends: date | None
    nano: int
    limit_nano: int | None
    tokens: int
    limit_tokens: int | None


class Alerts:
    """The budgets past their soft limit. `tell` is called once for each, from any thread."""

    def __init__(self, metrics: Metrics | None = None, tell: Callable[[Alert], None] | None = None) -> None:
        self._found: dict[str, tuple[int, Alert]] = {}
        self._tell = tell
        self._labels: set[str] = set()
        self._count = None
        if metrics is not None:
            text = "Budgets that passed their soft limit."
            self._count = metrics.counter("pilothouse_budget_alerts", text, ["account", "period"])

    def look(self, purse: Purse, day: int, nano: int, tokens: int) -> None:
        """Note where a purse stands on that day."""
        window, fund = purse.window(day), purse.fund(day)
        if not purse.is_soft(nano, tokens):
            self._found.pop(fund.name, None)  # the budget was raised
            return
        known = self._found.get(fund.name)
        alert = Alert(purse.account, purse.period, fund.name, window.ends, nano, purse.nano, tokens, purse.tokens)
        self._found[fund.name] = (window.end, alert)
        if known is None:
            self._raise(alert)

    def list(self, day: int) -> list[Alert]:
        """Those of periods that have not ended on that day."""
        self._found = {name: found for name, found in self._found.copy().items() if found[0] > day}
        return [alert for _, alert in self._found.values()]

    def _raise(self, alert: Alert) -> None:
        dollars = "" if alert.limit_nano is None else f" {usd(alert.nano)} of {usd(alert.limit_nano)}"
        tokens = "" if alert.limit_tokens is None else f" {alert.tokens:,} of {alert.limit_tokens:,} tokens"
        _logger.warning("The budget %s has passed its soft limit:%s%s.", alert.fund, dollars, tokens)
        if self._count is not None:
            label = alert.account
            if label not in self._labels and len(self._labels) >= _MOST_LABELS:
                label = _OTHER
            self._labels.add(label)
            self._count.labels(label, alert.period).inc()
        if self._tell is not None:
            self._tell(alert)
