"""What people asked about in a period: the topics with how much was asked of each, and examples. Knows no faces."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.observe.sums.figures import Figures, Period
from pilothouse.observe.topics.kept import Dot, State, Topic, Topics
from pilothouse.observe.topics.sample import Sample
from pilothouse.stats.intervals import wilson_bounds
from pilothouse.storage.database import Store
from pilothouse.types import Json

__all__ = ["TopicReport", "TopicReports", "TopicShare"]

_SURE = 1.96  # standard errors
_WHY = {
    "encoder": "The embedded encoder is not here: `pilothouse models pull` brings it, then topics are found by itself.",
    "few": "Topics need 20 questions, and there are fewer. Questions are read from inputs that are kept: where none "
    "are, there are no topics.",
    "never": "Topics were not found yet: a server looks for them a minute after its start, then every hour, unless "
    "`topics` says otherwise.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TopicShare:
    """A topic in a period: how many questions of the sample are in it, `share` of all with its 95 % interval (Wilson
    1927, doi:10.1080/01621459.1927.10502953), and the share in the period before, where that was asked for.

    `examples` are traces near its centre, each with what was asked.
    """

    topic: Topic
    questions: int
    share: float
    low: float
    high: float
    before: float | None
    examples: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class TopicReport:
    """The topics of a period, the most asked about first, and `dots` for a map. `questions` of the `requests` are in
    the sample; `why` says in a sentence why there are no topics, or why they are not renewed."""

    topics: Sequence[TopicShare]
    dots: Sequence[Dot]
    questions: int
    requests: int
    made_us: int
    why: str

    def to_json(self) -> Json:
        """For JSON output."""
        shown = [
            {
                "id": one.topic.id, "label": one.topic.label, "words": [*one.topic.words], "questions": one.questions,
                "share": round(one.share, 4), "share_low": round(one.low, 4), "share_high": round(one.high, 4),
                "x": round(one.topic.x, 4), "y": round(one.topic.y, 4),
                "examples": [{"trace_id": trace, "question": text} for trace, text in one.examples],
            }
            for one in self.topics
        ]  # fmt: skip
        told = {"questions": self.questions, "requests": self.requests, "made_us": self.made_us or None}
        return {"data": shown, **told, "why": self.why or None}


class TopicReports:
    """Of a store. Blocks on the database; what it reads are indexes, and a few rows of each topic."""

    def __init__(self, store: Store) -> None:
        self._topics, self._sample, self._figures = Topics(store), Sample(store), Figures(store)

    def of(
        self,
        period: Period,
        project: str = DEFAULT_PROJECT,
        before: Period | None = None,
        dots: int = 0,
        examples: int = 3,
    ) -> TopicReport:
        """The period's topics, beside those of another, with up to so many dots, and examples of each."""
        state, since, until = self._topics.state(project), *_bounds(period)
        counts = self._topics.counts(project, since, until)
        earlier = {} if before is None else self._topics.counts(project, *_bounds(before))
        named = {one.id: one for one in self._topics.all(project) if counts.get(one.id)}
        asked = (
            self._sample.asked(project, [t for one in named.values() for t in one.examples[:examples]]) if named else {}
        )
        total, total_before = sum(counts[id_] for id_ in named), sum(earlier.values())
        shown = []
        for one in sorted(named.values(), key=lambda one: (-counts[one.id], one.id)):
            number = counts[one.id]
            shown_by = [(trace, asked[trace][1]) for trace in one.examples if trace in asked]
            was = earlier.get(one.id, 0) / total_before if total_before else None
            shown.append(TopicShare(one, number, number / total, *wilson_bounds(number, total, _SURE), was, shown_by))
        most = {one.topic.id: ceil(one.share * dots) for one in shown if dots}
        requests = self._figures.total(period, project, histograms=()).requests
        drawn = self._topics.dots(project, since, until, most)
        return TopicReport(shown, drawn, total, requests, state.made_us, _why(state, bool(named)))

    def over_time(self, period: Period, project: str = DEFAULT_PROJECT) -> dict[str, dict[int, int]]:
        """How many questions of each topic by hour or day: by the microsecond of its beginning."""
        return self._topics.over_time(project, *_bounds(period), period.step_us)


def _bounds(period: Period) -> tuple[int, int]:
    return period.steps.start * period.step_us, period.steps.stop * period.step_us


def _why(state: State, there: bool) -> str:
    if state.trouble:
        return _WHY[state.trouble]
    return "" if there or state.made_us else _WHY["never"]
