"""Fills review queues: by their rules, from traces and runs that somebody names, and with items that are given.

Nothing is twice in a queue, whichever way it comes. What was deleted while it was read goes again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pilothouse.cases import Outcome
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.review.finding import Finding
from pilothouse.evals.review.rules import Rule, drawn, read_rules
from pilothouse.evals.review.sources import given_item, outcome_item, pair_items, trace_item
from pilothouse.ids import now_us
from pilothouse.observe.privacy.erasures import erased_traces
from pilothouse.observe.traces import Traces
from pilothouse.storage.database import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.review_erasing import ReviewErasing
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source
from pilothouse.storage.evaluating.review_queues import Queue
from pilothouse.storage.evaluating.reviews import Reviews
from pilothouse.types import Json

__all__ = ["LATE_US", "LOOK_BACK_US", "Filled", "Filling"]

LOOK_BACK_US = 7 * 86_400_000_000
"""How far a rule looks back when it is first followed."""
LATE_US = 3_600_000_000
"""How far it looks back behind the last time: traces and scores come late."""
MOST_GIVEN = 10_000
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Filled:
    """How many items came into a queue, of `found` that were not in it yet; `unreadable` of these have no input or
    output that is kept. `rules` counts those that each rule added, in their order."""

    added: int
    found: int
    unreadable: int
    rules: list[int] = field(default_factory=list)


class Filling:
    """Of a store. Blocks on the databases. `clock` gives UTC microseconds."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock
        self._traces = Traces(store)
        self._runs = EvalRuns(store)
        self._finding = Finding(store)
        self._items = Reviews(store, clock).items
        self._queues = Reviews(store, clock).queues

    def follow(self, project: str, queue: Queue) -> Filled:
        """Look for what the queue's rules mean among what came since they were last followed."""
        rules = read_rules(queue.kind, queue.settings.rules)
        now, cursors, counts = self._clock(), dict[str, int](), list[Filled]()
        for rule in rules:
            since = queue.cursors.get(rule.key)
            since = now - LOOK_BACK_US if since is None else since - LATE_US
            counts.append(self._by_rule(project, queue, rule, since))
            cursors[rule.key] = now
        self._queues.filled(project, queue, cursors)
        added = [one.added for one in counts]
        return Filled(sum(added), sum(one.found for one in counts), sum(one.unreadable for one in counts), added)

    def traces(self, project: str, queue: Queue, references: Sequence[str], reason: str = "by hand") -> Filled:
        """These traces, or steps of them, written as `trace` or `trace/span`. Raises NotFound for one that is not
        there."""
        sources = []
        for reference in references:
            trace, _, span = reference.partition("/")
            sources.append((Source(self._traces.find(trace, project), span or None), reason))
        return self._add(project, queue, sources, len(sources))

    def run(
        self, project: str, queue: Queue, run: str, *, evaluator: str | None = None, failing: bool = False,
        most: int | None = None, seed: int = 0,
    ) -> Filled:  # fmt: skip
        """The outcomes of a run, by default all of them; of those which `evaluator` spoke of, or which fail; and of
        these `most`, drawn by `seed`. Raises NotFound."""
        found = self._runs.get(project, run)
        outcomes = self._outcomes(project, found, evaluator, failing)
        items = (outcome_item(found, one, f"run {found.name}"[:200]) for one in outcomes if one.error is None)
        return self._put(project, queue, _sampled(items, most, seed))

    def pair(
        self, project: str, queue: Queue, one: str, other: str, *, most: int | None = None, seed: int = 0
    ) -> Filled:
        """The cases that two runs answered differently, side by side; `most` of them, drawn by `seed`. Raises
        NotFound, and InvalidRequest for a queue that is not of pairs."""
        runs = self._runs.get(project, one), self._runs.get(project, other)
        return self._put(project, queue, _sampled(pair_items(self._runs, project, *runs), most, seed))

    def given(self, project: str, queue: Queue, records: Sequence[Json]) -> Filled:
        """Items as they are given: see `sources.given_item`. Raises InvalidRequest before any is added."""
        if not 1 <= len(records) <= MOST_GIVEN:
            raise InvalidRequest(f"1 to {MOST_GIVEN:,} items are given at once, not {len(records):,}.", param="items")
        items = [given_item(record, place) for place, record in enumerate(records, 1)]
        return self._put(project, queue, items)

    def _by_rule(self, project: str, queue: Queue, rule: Rule, since_us: int) -> Filled:
        return self._add(project, queue, self._finding.find(project, rule, since_us), rule.most, live=True)

    def _add(
        self, project: str, queue: Queue, found: Iterable[tuple[Source, str]], most: int, *, live: bool = False
    ) -> Filled:
        """Those that are new, until `most` were added; `live` leaves out what evaluation itself asked."""
        added = new = unreadable = 0
        for some in _batches(found, _AT_ONCE):
            reasons = dict(some)
            made = list[NewReviewItem]()
            fresh = self._items.new(project, queue, [*reasons])
            own = self._finding.own(project, {one.trace_id for one in fresh if one.trace_id}) if live else ()
            for source in fresh:
                if source.trace_id in own:
                    continue
                if added + len(made) >= most:
                    break
                item = self._item(project, source, reasons[source])
                new += 1
                unreadable += item is None
                made += [] if item is None else [item]
            added += self._put(project, queue, made).added
            if added >= most:
                break
        return Filled(added, new, unreadable)

    def _item(self, project: str, source: Source, reason: str) -> NewReviewItem | None:
        try:
            if source.run_id is not None:
                outcome = self._runs.outcome(project, source.run_id, source.case_id or "", source.trial or 0)
                return outcome_item(self._runs.get(project, source.run_id), outcome, reason)
            return trace_item(self._traces, project, source.trace_id or "", source.span_id, reason)
        except NotFound:
            return None

    def _put(self, project: str, queue: Queue, items: Iterable[NewReviewItem]) -> Filled:
        seen, traces = 0, list[str]()

        def arriving() -> Iterator[NewReviewItem]:
            nonlocal seen
            for item in items:
                seen += 1
                traces.extend(item.traces)
                yield item

        added = self._items.add(project, queue, arriving())
        if traces:
            with self._store.observe.connect() as connection:
                gone = erased_traces(connection, project, dict.fromkeys(traces))
            if gone:  # deleted while they were read: whoever deletes them from now on finds the items by himself
                added -= ReviewErasing(self._store).forget_traces(project, gone)
        return Filled(added, seen, 0)

    def _outcomes(self, project: str, run: Run, evaluator: str | None, failing: bool) -> Iterator[Outcome]:
        after: str | None = None
        while True:
            page = self._runs.outcomes(project, run.id, after, 500, evaluator, failing)
            yield from page.outcomes
            if (after := page.next) is None:
                return


def _sampled(items: Iterator[NewReviewItem], most: int | None, seed: int) -> Iterable[NewReviewItem]:
    """`most` of them in their order, the same each time."""
    if most is None:
        return items
    every = [*items]
    by = sorted(range(len(every)), key=lambda place: drawn(seed, f"{every[place].source}"))
    return [every[place] for place in sorted(by[: max(0, most)])]


def _batches(found: Iterable[tuple[Source, str]], size: int) -> Iterator[list[tuple[Source, str]]]:
    batch = list[tuple[Source, str]]()
    for one in found:
        batch.append(one)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
