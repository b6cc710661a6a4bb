"""Reads the rollups: what happened in a period, as a whole, over time, or by model, key, feature and so on.

Never looks at spans, so that a page over a million of them costs what a page over a thousand does.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.engine import Connection

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import InvalidRequest
from pilothouse.observe.cells import DIMENSIONS, HISTOGRAMS, SUMS
from pilothouse.observe.rollups import GRAINS
from pilothouse.stats.histogram import fraction_below, linear, merge, percentile
from pilothouse.storage.database import Store
from pilothouse.storage.tables import rollups, score_rollups

__all__ = ["HOUR_US", "Amounts", "Figures", "Period", "Scored"]

HOUR_US = 3_600_000_000
_FINE_HOURS = 8 * 24  # a longer period is told by days
_LONGEST_HOURS = 10 * 366 * 24


@dataclass(frozen=True, slots=True)
class Period:
    """From `since_us` until before `until_us`, UTC microseconds, widened to whole hours (or days, where it is long)."""

    since_us: int
    until_us: int

    def __post_init__(self) -> None:
        if not 0 <= self.since_us < self.until_us or self.until_us - self.since_us > _LONGEST_HOURS * HOUR_US:
            raise InvalidRequest("A period begins before it ends, and lasts ten years at most.", param="since_us")

    @property
    def grain(self) -> str:
        return "hour" if self.until_us - self.since_us <= _FINE_HOURS * HOUR_US else "day"

    @property
    def step_us(self) -> int:
        return GRAINS[self.grain] * HOUR_US

    @property
    def steps(self) -> range:
        """The numbers of its hours or days."""
        return range(self.since_us // self.step_us, -(-self.until_us // self.step_us))

    def before(self) -> "Period":
        """The period of the same length that ended as this one began."""
        return Period(max(0, 2 * self.since_us - self.until_us), max(1, self.since_us))


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
    packed: Mapping[str, Sequence[bytes]] = field(default_factory=dict, repr=False)
    _merged: dict[str, dict[int, int]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Amounts":
        """The sum of rows of `rollups`."""
        sums = dict.fromkeys(SUMS, 0)
        packed: dict[str, list[bytes]] = {name: [] for name in HISTOGRAMS}
        for row in rows:
            for name in SUMS:
                sums[name] += row[name]
            for name, parts in packed.items():
                parts.append(row[name])
        return cls(**sums, packed=packed)

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
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    @property
    def tokens_per_request(self) -> float | None:
        return self.tokens / self.requests if self.requests else None

    @property
    def nano_per_request(self) -> float | None:
        return self.cost_nano / self.requests if self.requests else None


@dataclass(frozen=True, slots=True)
class Scored:
    """The scores of one name over a period. `histogram` counts hundredths."""

    count: int
    total: float
    histogram: Mapping[int, int]

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    def share_below(self, limit: float) -> float | None:
        """The share of scores below `limit`, which is read to two decimals."""
        return fraction_below(self.histogram, linear(limit))


class Figures:
    """The rollups of `store`. Every method reads one project and blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.observe

    def total(self, period: Period, project: str = DEFAULT_PROJECT, dimension: str = "all", value: str = "") -> Amounts:
        """Everything in the period, or what has this `value` in a dimension."""
        with self._engine.connect() as connection:
            return Amounts.of(_rows(connection, rollups, project, period, dimension, value))

    def over_time(
        self, period: Period, project: str = DEFAULT_PROJECT, dimension: str = "all", value: str = ""
    ) -> dict[int, Amounts]:
        """The same by hour or day (`period.step_us`): by the UTC microsecond of its beginning, quiet ones included."""
        by_step: defaultdict[int, list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in _rows(connection, rollups, project, period, dimension, value):
                by_step[row["at"]].append(row)
        return {step * period.step_us: Amounts.of(by_step[step]) for step in period.steps}

    def by(self, dimension: str, period: Period, project: str = DEFAULT_PROJECT) -> dict[str, Amounts]:
        """The sums for each value of a dimension, the dearest first, then the busiest."""
        by_value: defaultdict[str, list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in _rows(connection, rollups, project, period, dimension):
                by_value[row["value"]].append(row)
        made = {value: Amounts.of(rows) for value, rows in by_value.items()}
        return dict(sorted(made.items(), key=_dearest))

    def scores(
        self, period: Period, project: str = DEFAULT_PROJECT, dimension: str = "all", value: str | None = ""
    ) -> dict[tuple[str, str], Scored]:
        """Scores by (value of the dimension, name); those of one value alone unless that is None."""
        grouped: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in _rows(connection, score_rollups, project, period, dimension, value):
                grouped[row["value"], row["name"]].append(row)
        return {key: _scored(rows) for key, rows in sorted(grouped.items())}

    def scores_over_time(self, name: str, period: Period, project: str = DEFAULT_PROJECT) -> dict[int, Scored]:
        """The scores of one name by hour or day."""
        by_step: defaultdict[int, list[Any]] = defaultdict(list)
        with self._engine.connect() as connection:
            for row in _rows(connection, score_rollups, project, period, "all", ""):
                if row["name"] == name:
                    by_step[row["at"]].append(row)
        return {step * period.step_us: _scored(by_step[step]) for step in period.steps}


def _dearest(item: tuple[str, Amounts]) -> tuple[int, int, str]:
    value, amounts = item
    return -amounts.cost_nano, -amounts.requests - amounts.calls, value


def _scored(rows: Sequence[Any]) -> Scored:
    counts = merge(row["histogram"] for row in rows)
    return Scored(sum(row["count"] for row in rows), sum(row["total"] for row in rows), counts)


def _rows(
    connection: Connection, table: Table, project: str, period: Period, dimension: str, value: str | None = None
) -> Iterator[Any]:
    if dimension not in DIMENSIONS:
        raise InvalidRequest(f"'{dimension[:40]}' is no dimension. There are: {', '.join(DIMENSIONS)}.", param="by")
    steps = period.steps
    where = [
        table.c.project_id == project, table.c.grain == period.grain, table.c.dimension == dimension,
        table.c.at.between(steps.start, steps.stop - 1),
    ]  # fmt: skip
    if value is not None:
        where.append(table.c.value == value.replace("\0", "\ufffd"))
    yield from connection.execute(select(table).where(*where)).mappings()
