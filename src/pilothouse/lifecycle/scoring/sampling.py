"""Which traces a rule takes into its sample. Plain functions; every process comes to the same answer by itself.

What evaluation asks of models is traffic, too, and never sampled: its spans have the attribute EVALUATION, and runs of
suites ask with ids of requests that begin with `eval_`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from pilothouse.call import Progress, Recorder, Reservation, Span
from pilothouse.evals.traced import EVALUATION, OF_RUNS, is_evaluation
from pilothouse.observe.rows import COLUMNS
from pilothouse.scoring import OnlineRule, Traffic

__all__ = ["EVALUATION", "Marked", "fits", "is_evaluation", "place", "sampled"]

_PROJECT, _TRACE, _REQUEST, _ATTRIBUTES, _TAGS, _PROMPT = map(
    COLUMNS.index, ("project_id", "trace_id", "request_id", "attributes", "tags", "prompt")
)
_MODELS = tuple(map(COLUMNS.index, ("request_model", "response_model", "deployment")))
_NAMED = {
    "features": COLUMNS.index("feature"), "environments": COLUMNS.index("environment"),
    "endpoints": COLUMNS.index("endpoint"), "releases": COLUMNS.index("release"),
}  # fmt: skip
Row = Sequence[Any]


class Marked:
    """A recorder that marks spans as evaluation's own, done for `whom`."""

    def __init__(self, recorder: Recorder, whom: str) -> None:
        self._recorder = recorder
        self._whom = whom

    def record(self, record: Span | Reservation | Progress) -> None:
        if isinstance(record, Span):
            record.attributes[EVALUATION] = self._whom
        self._recorder.record(record)


def place(trace_id: str) -> float:
    """Where a trace lies between 0 and 1: evenly, and everywhere the same."""
    return int.from_bytes(blake2b(trace_id.encode("utf-8", "replace"), digest_size=7).digest()) / 2**56


def sampled(rules: Mapping[str, OnlineRule], rows: Iterable[Row]) -> Iterator[tuple[str, str, str]]:
    """Project, rule and trace of what is to be queued for these rows of spans (observe.rows), each once.

    A trace is queued when a span arrives that says one of the things that the rule asks for; whether the trace says
    them all is known once it is complete (`fits`).
    """
    seen = set[tuple[str, str, str]]()
    for row in rows:
        if _is_own(row):
            continue
        at = place(row[_TRACE])
        for name, rule in rules.items():
            key = (row[_PROJECT], name, row[_TRACE])
            if at < rule.share and key not in seen and _touches(rule.when, row):
                seen.add(key)
                yield key


def fits(when: Traffic, project: str, spans: Sequence[Span]) -> bool:
    """Whether a whole trace is what a rule asks for: of each filter some span says one of the values."""
    if when.projects and project not in when.projects:
        return False
    return all(any(_says(name, wanted, _of_span(span)) for span in spans) for name, wanted in _filters(when))


def _is_own(row: Row) -> bool:
    if (row[_REQUEST] or "").startswith(OF_RUNS):
        return True
    return f'"{EVALUATION}"' in row[_ATTRIBUTES]


def _touches(when: Traffic, row: Row) -> bool:
    if when.projects and row[_PROJECT] not in when.projects:
        return False
    filters = _filters(when)
    return not filters or any(_says(name, wanted, row) for name, wanted in filters)


def _filters(when: Traffic) -> list[tuple[str, list[str]]]:
    names = ("models", "prompts", "features", "environments", "endpoints", "releases", "tags")
    return [(name, wanted) for name in names if (wanted := getattr(when, name))]


def _says(name: str, wanted: Sequence[str], row: Row) -> bool:
    if name == "models":
        return any(row[column] in wanted for column in _MODELS)
    if name == "prompts":
        prompt = row[_PROMPT]
        return prompt is not None and (prompt in wanted or prompt.partition("@")[0] in wanted)
    if name == "tags":
        return row[_TAGS] != "[]" and any(tag in wanted for tag in msgspec.json.decode(row[_TAGS]))
    return row[_NAMED[name]] in wanted


def _of_span(span: Span) -> Row:
    """As much of a span's row as filters look at."""
    row: list[Any] = [None] * len(COLUMNS)
    for column in (*_MODELS, *_NAMED.values(), _PROMPT):
        row[column] = getattr(span, COLUMNS[column])
    row[_TAGS] = msgspec.json.encode(span.tags).decode()
    return row
