"""How much of a budget is used, as a bar. Plain arithmetic; knows nothing of where the figures come from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pilothouse.access.budgets import BudgetStanding
from pilothouse.console.charts import WIDTH, share

__all__ = ["Gauge", "Unit", "fullest", "gauges"]

Unit = Literal["usd", "tokens"]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A budget in one unit (nano-USD or tokens). `soft` is the amount at which it alerts."""

    used: int
    held: int
    limit: int
    soft: int
    unit: Unit

    @property
    def fullness(self) -> float:
        """Used and held, as a share of the limit."""
        return (self.used + self.held) / self.limit if self.limit else 1.0

    @property
    def state(self) -> str:
        """over, soft or ok."""
        return "over" if self.used >= self.limit else "soft" if self.used >= self.soft else "ok"

    @property
    def used_width(self) -> float:
        return min(float(WIDTH), share(self.used, self.limit)) if self.limit else float(WIDTH)

    @property
    def held_width(self) -> float:
        return min(WIDTH - self.used_width, share(self.held, self.limit))

    @property
    def soft_x(self) -> float | None:
        """Where the soft limit is marked; None where it is the limit itself."""
        return share(self.soft, self.limit) if 0 < self.soft < self.limit else None


def gauges(standing: BudgetStanding) -> list[Gauge]:
    """A bar for each unit in which the purse is limited, the fuller first."""
    purse, found = standing.purse, []
    if purse.nano is not None:
        found.append(Gauge(standing.nano, standing.held_nano, purse.nano, purse.soft_nano or 0, "usd"))
    if purse.tokens is not None:
        soft = purse.soft_tokens or 0
        found.append(Gauge(standing.tokens, standing.held_tokens, purse.tokens, soft, "tokens"))
    return sorted(found, key=lambda gauge: -gauge.fullness)


def fullest(standings: Sequence[BudgetStanding]) -> tuple[BudgetStanding, Gauge] | None:
    """Of several budgets, the one with least room."""
    found = [(standing, gauge) for standing in standings for gauge in gauges(standing)[:1]]
    return max(found, key=lambda pair: pair[1].fullness, default=None)
