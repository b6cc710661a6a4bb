"""What a dashboard is asked for, and the figures of it: a period, the one before, narrowed to one value or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from markupsafe import Markup, escape

from pilothouse.console.plots import Moments, Series
from pilothouse.console.render import ROOT
from pilothouse.observe.sums.amounts import Amounts
from pilothouse.observe.sums.cells import SUMS
from pilothouse.observe.sums.figures import Figures
from pilothouse.observe.sums.period import Period
from pilothouse.observe.sums.rollups import OTHER
from pilothouse.observe.sums.slices import CUBED
from pilothouse.observe.topics.drifts import Drifts
from pilothouse.observe.topics.report import TopicReports

__all__ = ["LISTED", "View"]

LISTED = {
    "model": "model", "deployment": "model", "endpoint": "endpoint", "key": "key_id", "team": "team_id",
    "user": "user_id", "feature": "feature", "environment": "environment", "release": "release", "error": "error_code",
    "prompt": "prompt",
}  # fmt: skip
"""The dimensions that the list of traces can be narrowed to, and what its address calls them."""


@dataclass(frozen=True)
class View:
    """One look at a dashboard. `only` holds one dimension and its value at most; `named` are names of keys and teams by
    dimension and id; `query` is what the address of the page says besides."""

    figures: Figures
    topics: TopicReports
    project: str
    period: Period
    before: Period | None
    only: Mapping[str, str]
    query: Mapping[str, str]
    path: str
    named: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    drifts: Drifts | None = None

    # ---- figures

    def total(self, *histograms: str) -> Amounts:
        return self.figures.total(self.period, self.project, self.only, histograms)

    def total_before(self, *histograms: str) -> Amounts | None:
        if self.before is None:
            return None
        return self.figures.total(self.before, self.project, self.only, histograms)

    def steps(self, *histograms: str) -> list[Amounts]:
        return list(self.figures.over_time(self.period, self.project, self.only, histograms).values())

    def steps_before(self, *histograms: str) -> list[Amounts] | None:
        if self.before is None:
            return None
        return list(self.figures.over_time(self.before, self.project, self.only, histograms).values())

    def keeps(self, dimension: str) -> bool:
        """Whether figures by this dimension are kept for what the view is narrowed to."""
        return all(name == dimension or {name, dimension} <= set(CUBED) for name in self.only)

    def by(
        self, dimension: str, *histograms: str, limit: int | None = None, sums: Sequence[str] = SUMS
    ) -> dict[str, Amounts]:  # fmt: skip
        return self.figures.by(dimension, self.period, self.project, self.only, histograms, limit, sums=sums)

    def by_before(
        self, dimension: str, among: Sequence[str] | None = None, sums: Sequence[str] = SUMS
    ) -> dict[str, Amounts]:  # fmt: skip
        """The same of the period before, of some values where those are enough; nothing where that is not wanted."""
        if self.before is None:
            return {}
        return self.figures.by(dimension, self.before, self.project, self.only, (), among=among, sums=sums)

    def stack(self, amount: str, dimension: str, names: Sequence[str], whole: Sequence[float]) -> list[Series]:
        """A series for each of these values of a dimension, and one for what is left of the `whole`."""
        found = self.figures.by_over_time(amount, dimension, self.period, self.project, self.only, names)
        at_us = self.moments.at_us
        told = [
            Series(self.name(dimension, name), [found.get(name, {}).get(at, 0) for at in at_us], f"s{index}")
            for index, name in enumerate(names)
        ]  # fmt: skip
        rest = [max(0, all_of - sum(one.values[n] or 0 for one in told)) for n, all_of in enumerate(whole)]
        return [*told, Series("the rest", rest, "rest")] if any(rest) else told

    @cached_property
    def moments(self) -> Moments:
        step_us = self.period.step_us
        return Moments([step * step_us for step in self.period.steps], step_us)

    @property
    def since_us(self) -> int:
        return self.period.steps.start * self.period.step_us

    @property
    def until_us(self) -> int:
        return self.period.steps.stop * self.period.step_us

    # ---- names and addresses

    def name(self, dimension: str, value: str) -> str:
        """What a value is called."""
        if value == OTHER:
            return "others, too many to tell apart"
        return self.named.get(dimension, {}).get(value) or value

    def traces(self, since_us: int | None = None, until_us: int | None = None, **also: str) -> str:
        """The list of the traces behind a figure."""
        since, until = self.since_us if since_us is None else since_us, self.until_us if until_us is None else until_us
        narrowed = {LISTED[name]: value for name, value in self.only.items() if name in LISTED}
        return f"{ROOT}/traces?{urlencode({**narrowed, **also, 'since_us': since, 'until_us': until})}"

    @cached_property
    def links(self) -> Sequence[str]:
        """What `steps_links` gives for the view itself."""
        return self.steps_links()

    def steps_links(self, **also: str) -> list[str]:
        """The same for each step, escaped: charts write each of them several times."""
        first, step = self.traces(0, 0, **also).removesuffix("since_us=0&until_us=0"), self.period.step_us
        return [Markup(escape(f"{first}since_us={at}&until_us={at + step}")) for at in self.moments.at_us]

    def behind(self, dimension: str, value: str, **also: str) -> str | None:
        """The traces of one value of a dimension; None where the list cannot be narrowed to it."""
        name = LISTED.get(dimension)
        if name is None or value == OTHER:
            return None
        if dimension == "endpoint" and not value.startswith("/"):
            name = "text"  # a trace without an endpoint is told by its name
        also[name] = value
        return self.traces(None, None, **also)

    def here(self, **changes: str | None) -> str:
        """This page with some of its address changed; None takes a part out."""
        query = {name: value for name, value in {**self.query, **changes}.items() if value}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def narrowed(self, dimension: str, value: str) -> str | None:
        """This page for one value alone."""
        if value == OTHER or dimension in self.only:
            return None
        return self.here(**dict.fromkeys(self.only), **{dimension: value})
