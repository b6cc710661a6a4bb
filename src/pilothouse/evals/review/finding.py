"""Which traces and outcomes a rule means, of those that came since a time: the newest first, found by indexes.

Nothing is read without bound: a rule looks at 10,000 traces or scores of its kind at most, draws from 200,000, and
looks for log probabilities into 1,000 answers. Knows nothing of queues.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, select

from pilothouse.cases import Outcome, Verdict
from pilothouse.evals.review.rules import Rule
from pilothouse.evals.traced import asked_by_evaluation
from pilothouse.observe.listing import Filters, TraceRow
from pilothouse.observe.scores import Score, ScoresSought
from pilothouse.observe.traces import Traces
from pilothouse.storage.database import Store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.review_items import Source
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.statements import among
from pilothouse.storage.tables import spans, traces

__all__ = ["Finding", "Found", "mean_logprob"]

Found = tuple[Source, str]
"""What to review, and why."""

_PAGE = 500
_MOST_PAGES = 20
_ANSWER_PAGES = 2
_RUNS = 100
_DRAWN = 200_000
_LET_PASS = frozenset(
    ("pass", "passed", "ok", "allow", "allowed", "safe", "none", "", "shadow", "redact", "repair", "skipped", "failed")
)  # fmt: skip
"""Verdicts of guards after which a text went on. What the gateway's guards `flag` went on as well, to be reviewed."""


class Finding:
    """Over a store. Blocks on the databases."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._traces = Traces(store)
        self._runs = EvalRuns(store)

    def find(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        """What the rule means, of what came since then (UTC microseconds)."""
        if rule.of == "runs":
            return self._of_runs(project, rule, since_us)
        if rule.why == "guard":
            return self._by_guard(project, rule, since_us)
        if rule.why == "random":
            return self._at_random(project, rule, since_us)
        if rule.logprob is not None:
            return self._by_logprob(project, rule, since_us)
        return self._by_scores(project, rule, since_us)

    def own(self, project: str, traces: Iterable[str]) -> set[str]:
        """Those of these traces that are evaluation's own traffic: what judges and suites asked."""
        return asked_by_evaluation(self._store, project, traces)

    def _by_scores(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        name = rule.score or ("feedback" if rule.why == "thumbs_down" else None)
        least, most = _bounds(rule)
        sought = ScoresSought(
            name=None if name is None else [name], source=["evaluator"] if rule.why == "failed" else None,
            least=least, most=most, since_us=since_us,
        )  # fmt: skip
        means = _MEANS[rule.why]
        before: tuple[int, str] | None = None
        for _ in range(_MOST_PAGES):
            page = [score for score, _ in self._traces.scores.page(project, sought, _PAGE, before)]
            told = [
                (Source(one.trace_id, one.span_id), why) for one in page if one.trace_id and (why := means(rule, one))
            ]
            yield from self._within(project, rule, told)
            if len(page) < _PAGE:
                return
            before = page[-1].at_us, page[-1].id

    def _within(self, project: str, rule: Rule, found: list[Found]) -> list[Found]:
        """Those of traces of the feature and environment that the rule names."""
        c, named = traces.c, _named(rule)
        if not named or not found:
            return found
        keys = {(project, source.trace_id) for source, _ in found}
        with self._store.observe.connect() as connection:
            query = select(c.trace_id).where(among(connection, (c.project_id, c.trace_id), keys), *named)
            mine = {*connection.execute(query).scalars()}
        return [one for one in found if one[0].trace_id in mine]

    def _at_random(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        c = traces.c
        query = select(c.trace_id).where(c.project_id == project, c.start_us >= since_us, *_named(rule))
        query = query.order_by(c.start_us.desc(), c.trace_id.desc()).limit(_DRAWN)
        with self._store.observe.connect() as connection:
            drawn = [one for one in connection.execute(query).scalars() if rule.draws(one)]
        yield from ((Source(one), "random sample") for one in drawn)

    def _by_guard(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        c = spans.c
        for rows in self._listed(project, rule, since_us, _MOST_PAGES):
            with self._store.observe.connect() as connection:
                mine = of_traces(connection, [(project, row.trace_id) for row in rows])
                query = select(c.trace_id, c.name, c.status, c.attributes).where(mine, c.kind == "guard")
                stopped = {row.trace_id: why for row in connection.execute(query) if (why := _stopped(row))}
            for row in rows:
                if row.trace_id in stopped:
                    yield Source(row.trace_id), stopped[row.trace_id]

    def _by_logprob(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        least = rule.logprob or 0.0
        for rows in self._listed(project, rule, since_us, _ANSWER_PAGES):
            bodies = self._traces.root_bodies(rows, project)
            for row in rows:
                mean = mean_logprob(bodies.get(row.trace_id, {}).get("output"))
                if mean is not None and mean <= least:
                    yield Source(row.trace_id), f"mean log probability {mean:.2f}"

    def _listed(self, project: str, rule: Rule, since_us: int, pages: int) -> Iterator[list[TraceRow]]:
        filters = Filters(since_us=since_us, feature=rule.feature, environment=rule.environment)
        before: str | None = None
        for _ in range(pages):
            page = self._traces.list(project, _PAGE, before, filters)
            if page.rows:
                yield page.rows
            if (before := page.next) is None:
                return

    def _of_runs(self, project: str, rule: Rule, since_us: int) -> Iterator[Found]:
        means = _OF_OUTCOME[rule.why]
        for run in self._runs.list(project, suite=rule.suite, limit=_RUNS).runs:
            if run.ended_us is None or run.ended_us < since_us:
                continue
            for outcome in self._outcomes(project, run, rule):
                if outcome.error is None and (why := means(rule, run, outcome)):
                    yield Source(run_id=run.id, case_id=outcome.case.id, trial=outcome.trial), why

    def _outcomes(self, project: str, run: Run, rule: Rule) -> Iterator[Outcome]:
        after: str | None = None
        while True:
            page = self._runs.outcomes(project, run.id, after, _PAGE, rule.score, rule.why == "failed")
            yield from page.outcomes
            if (after := page.next) is None:
                return


def _named(rule: Rule) -> list[ColumnElement[bool]]:
    given = {name: getattr(rule, name) for name in ("feature", "environment")}
    return [traces.c[name] == value.replace("\0", "\ufffd") for name, value in given.items() if value is not None]


def _bounds(rule: Rule) -> tuple[float | None, float | None]:
    """Between which the scores lie that a rule means, where it says so."""
    if rule.why == "thumbs_down":
        return None, rule.threshold or 0.0
    if rule.why == "low_confidence" and rule.threshold is not None:
        return rule.threshold - rule.margin, rule.threshold + rule.margin
    return None, None


def mean_logprob(output: Any) -> float | None:
    """The mean log probability of an answer's tokens, where a chat, a completion or a response tells them."""
    found = [value for value in _logprobs(output) if isinstance(value, int | float) and not isinstance(value, bool)]
    return sum(found) / len(found) if found else None


def _logprobs(output: Any) -> Iterator[Any]:
    if not isinstance(output, dict):
        return
    choices = output.get("choices")
    for choice in choices[:1] if isinstance(choices, list) else ():
        told = choice.get("logprobs") if isinstance(choice, dict) else None
        if isinstance(told, dict):
            yield from _of_tokens(told.get("content"))
            yield from told.get("token_logprobs") or ()
    parts = output.get("output")
    for part in parts if isinstance(parts, list) else ():
        content = part.get("content") if isinstance(part, dict) else None
        for text in content if isinstance(content, list) else ():
            if isinstance(text, dict):
                yield from _of_tokens(text.get("logprobs"))


def _of_tokens(tokens: Any) -> Iterator[Any]:
    for token in tokens if isinstance(tokens, list) else ():
        if isinstance(token, dict):
            yield token.get("logprob")


def _stopped(row: Any) -> str | None:
    """Why a guard's span is to be reviewed; None where it let pass what it saw."""
    about = msgspec.json.decode(row.attributes)
    verdict, name = about.get("verdict"), about.get("guard") or row.name
    if row.status != "error" and (verdict is None or str(verdict).strip().lower() in _LET_PASS or verdict is True):
        return None
    return f"the guard '{name}' " + ("asked for a review" if verdict == "flag" else "did not let it pass")


def _thumbs_down(rule: Rule, score: Score) -> str | None:
    down = score.value is not None and score.value <= (rule.threshold or 0.0)
    return f"{score.name} {score.value:g}" if down else None


def _unsure(rule: Rule, score: Score) -> str | None:
    if rule.spread is not None:
        apart = score.metadata.get("spread")
        return _jury(score.name, apart) if isinstance(apart, int | float) and apart >= rule.spread else None
    near = score.value is not None and rule.near(score.value)
    return f"{score.name} {score.value:.3g}, near {rule.threshold:g}" if near else None


def _said_no(rule: Rule, score: Score) -> str | None:
    """What an evaluator says: a pass as a boolean or in the metadata, else below the rule's threshold."""
    if score.source != "evaluator":
        return None
    passed, status = score.metadata.get("passed"), score.metadata.get("status")
    below = rule.threshold is not None and score.value is not None and score.value < rule.threshold
    if status == "failed":
        return f"{score.name} could not tell"
    no = passed is False or below or (score.kind == "boolean" and score.value == 0)
    return f"{score.name} did not pass" if no else None


def _outcome_unsure(rule: Rule, run: Run, outcome: Outcome) -> str | None:
    for verdict in _told(rule, outcome):
        apart = verdict.detail.get("spread")
        if rule.spread is not None and isinstance(apart, int | float) and apart >= rule.spread:
            return _jury(verdict.evaluator, apart)
        if verdict.score is not None and rule.near(verdict.score):
            return f"{verdict.evaluator} {verdict.score:.3g}, near {rule.threshold:g}"
    return None


def _outcome_failed(rule: Rule, run: Run, outcome: Outcome) -> str | None:
    for verdict in _told(rule, outcome):
        if verdict.status == "failed":
            return f"{verdict.evaluator} could not tell"
        if verdict.passed is False:
            return f"{verdict.evaluator} did not pass"
    return None


def _outcome_drawn(rule: Rule, run: Run, outcome: Outcome) -> str | None:
    return "random sample" if rule.draws(f"{run.id}:{outcome.case.id}:{outcome.trial}") else None


def _told(rule: Rule, outcome: Outcome) -> list[Verdict]:
    return [verdict for verdict in outcome.verdicts if rule.score in (None, verdict.evaluator)]


def _jury(name: str, apart: float) -> str:
    return f"the jury of {name} is {apart:.3g} apart"


_MEANS: dict[str, Callable[[Rule, Score], str | None]] = {
    "thumbs_down": _thumbs_down, "low_confidence": _unsure, "failed": _said_no,
}  # fmt: skip
_OF_OUTCOME: dict[str, Callable[[Rule, Run, Outcome], str | None]] = {
    "low_confidence": _outcome_unsure, "failed": _outcome_failed, "random": _outcome_drawn,
}  # fmt: skip
