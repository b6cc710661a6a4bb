"""GenAI's events that come as log records: what was said becomes a step below its span, a verdict becomes a score.

The span itself may come before or after, so it is left alone: what is kept must not depend on that.
https://github.com/open-telemetry/semantic-conventions/blob/v1.41.0/docs/gen-ai/gen-ai-events.md
"""

from collections.abc import Iterable
from typing import NamedTuple

from pilothouse.call import Span
from pilothouse.ids import content_hash
from pilothouse.observe import names
from pilothouse.observe.dialects.bodies import Bodies
from pilothouse.observe.dialects.mapping import attributes_of
from pilothouse.observe.dialects.otel import LogRecord
from pilothouse.observe.scores import LARGEST, LATEST_US, Score

__all__ = ["Logged", "read_records"]

_NAME = "messages"
_LONGEST = 200


class Logged(NamedTuple):
    """What log records told: steps, scores, and for each record that told neither, why."""

    spans: list[Span]
    scores: list[Score]
    rejected: list[str]


def read_records(records: Iterable[LogRecord]) -> Logged:
    """Sort records out. The same records again make the same ids."""
    said: dict[tuple[str, str], list[LogRecord]] = {}
    made = Logged([], [], [])
    for record in records:
        name = record.name or str(record.attributes.get(names.EVENT_NAME) or "")
        known = name in names.CONTENT_EVENTS or name in _CONTENT
        if not known and name != names.EVALUATION_EVENT:
            made.rejected.append(f"log record '{name[:80]}': it is no event of GenAI; other logs are not kept")
        elif not (record.trace_id and record.span_id):
            made.rejected.append(f"log record '{name[:80]}': it belongs to no span")
        elif record.at_us >= LATEST_US:
            made.rejected.append(f"log record '{name[:80]}': its time is beyond the year 2255")
        elif known:
            record.name = name
            said.setdefault((record.trace_id, record.span_id), []).append(record)
        elif (score := _score(record)) is None:
            made.rejected.append(f"log record '{name[:80]}': it has no score, or none that is a number up to 2**53")
        else:
            made.scores.append(score)
    made.spans.extend(_step(*place, some) for place, some in said.items())
    return made


_CONTENT = frozenset((names.CHOICE_EVENT, names.DETAILS_EVENT, names.PROMPT_EVENT, names.COMPLETION_EVENT))


def _step(trace_id: str, span_id: str, records: list[LogRecord]) -> Span:
    """All that the records of one request say of a span, as a step below it."""
    bodies = Bodies()
    for record in records:
        bodies.add(record.name, record.attributes, record.body)
    told = [[span_id, record.at_us, record.name, str(record.body), str(record.attributes)] for record in records]
    return Span(
        id=content_hash(told), trace_id=trace_id, parent_id=span_id, project_id="", name=_NAME, kind="chain",
        operation="event", start_us=min(record.at_us for record in records),
        end_us=max(record.at_us for record in records), source="otlp", input=bodies.input, output=bodies.output,
        attributes=attributes_of({}, records[0].origin),
    )  # fmt: skip


def _score(record: LogRecord) -> Score | None:
    given = record.attributes
    name, value, label = (given.get(key) for key in names.EVALUATION)
    number = float(value) if isinstance(value, int | float) and abs(value) <= LARGEST else None
    if not isinstance(name, str) or not name or (number is None and label is None):
        return None
    why = given.get(names.EVALUATION_WHY)
    told = [record.trace_id, record.span_id, record.at_us, name[:_LONGEST], str(value), str(label)]
    return Score(
        id=f"otlp_{content_hash(told)}", trace_id=record.trace_id, span_id=record.span_id, name=name[:_LONGEST],
        kind="numeric" if number is not None else "categorical", value=number,
        label=None if label is None else str(label)[:_LONGEST], comment=None if why is None else str(why)[:10_000],
        source="evaluator", at_us=record.at_us,
    )  # fmt: skip
