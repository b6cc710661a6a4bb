"""A recorded trace as a case: what was asked and answered, the passages it rested on, the tools that were called.

Plain functions over the spans of a trace. Shadow traffic inside it is not what was answered, and is left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import or_, select

from pilothouse.call import Span
from pilothouse.cases import Case, Step
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.observe.trace import Trace
from pilothouse.passages import parse_passages
from pilothouse.storage import Store
from pilothouse.storage.span_days import of_traces
from pilothouse.storage.tables import spans
from pilothouse.types import MADE_FROM, Json, text_of

__all__ = ["EVALUATION", "NOT_KEPT", "OF_RUNS", "asked_by_evaluation", "case_of", "is_evaluation"]

EVALUATION = "pilothouse.evaluation"
"""The attribute of spans that are evaluation's own; its value says whose."""
OF_RUNS = "eval_"
"""How the ids of requests begin by which runs of suites ask."""

NOT_KEPT = "What was answered is not kept: privacy, retention or the program that sent the trace left it out."
_LISTS = ("documents", "hits", "results", "passages", "chunks", "matches", "nodes", "output", "value", "context")
_TEXTS = ("text", "content", "page_content", "passage", "document", "chunk", "snippet")
_TOLD = ("request_model", "response_model", "deployment", "prompt", "feature", "environment", "release", "endpoint")
_MOST = 200  # passages, and steps
_DEEPEST = 4


def asked_by_evaluation(store: Store, project: str, traces: Iterable[str]) -> set[str]:
    """Those of these traces that are evaluation's own traffic: what judges, suites and the sentinel asked. Blocks on
    the database."""
    c, keys = spans.c, [(project, trace) for trace in traces]
    marked = c.attributes.contains(f'"{EVALUATION}"', autoescape=True)
    asked = c.request_id.startswith(OF_RUNS, autoescape=True)
    with store.observe.connect() as connection:
        query = select(c.trace_id).where(of_traces(connection, keys), or_(marked, asked))
        return {*connection.execute(query.distinct()).scalars()}


def is_evaluation(steps: Iterable[Span]) -> bool:
    """Whether a trace is evaluation's own traffic."""
    return any(EVALUATION in span.attributes or (span.request_id or "").startswith(OF_RUNS) for span in steps)


def case_of(trace: Trace) -> Case | None:
    """The case that a trace is; None where no answer of it is kept. `id` is that of the trace, `latency_s` how long
    all of it took, `cost_nano` what all of it cost: None where a price is not known."""
    live = [span for span in trace.spans if not span.attributes.get("shadow") and span.operation != "shadow"]
    standing = _standing(trace.root, live)
    if standing is None or standing.output == {"choices": []}:
        return None
    output, called = answer_of(standing.output)
    if not output and not called:
        return None
    totals = trace.totals
    return Case(
        id=trace.trace_id, input=_asked(standing.input), output=output, context=tuple(_context(live))[:_MOST],
        steps=tuple(_steps(live))[:_MOST] or called, metadata=_about(trace.root, live),
        latency_s=trace.duration_us / 1e6, cost_nano=totals.cost_nano if totals.cost_known else None,
        trace_id=trace.trace_id,
    )  # fmt: skip


def _standing(root: Span, spans: Sequence[Span]) -> Span | None:
    """The span whose answer is the trace's: the root, else its last call of a model that was answered."""
    if root.output is not None:
        return root
    calls = [span for span in spans if span.kind == "llm" and span.status == "ok" and span.output is not None]
    return max(calls, key=lambda span: (span.end_us, span.id)) if calls else None


def _asked(given: Any) -> Any:
    """The messages of a request, without what else the request says but for the prompt that made them; a value that
    stood alone as itself."""
    if isinstance(given, dict):
        if isinstance(given.get("messages"), list):
            return {name: given[name] for name in ("messages", MADE_FROM) if name in given}
        if set(given) == {"value"}:
            return given["value"]
    return given


def _context(spans: Sequence[Span]) -> Iterator[str]:
    """What retrievers found, as far as they told the texts; else the passages in the prompts of the models."""
    found = [text for span in spans if span.kind in ("retriever", "reranker") for text in _texts(span.output)]
    if not found:
        found = [text for span in spans if span.kind == "llm" for text in _passages(span.input)]
    yield from dict.fromkeys(found)


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value
    elif depth < _DEEPEST and isinstance(value, list):
        for item in value:
            yield from _texts(item, depth + 1)
    elif depth < _DEEPEST and isinstance(value, dict):
        for name in (*_TEXTS, *_LISTS):
            if value.get(name):
                yield from _texts(value[name], depth + 1)
                return


def _passages(given: Any) -> Iterator[str]:
    messages = given.get("messages") if isinstance(given, dict) else None
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            for passage in parse_passages(text_of(message.get("content")))[0]:
                yield passage.text


def _steps(spans: Sequence[Span]) -> Iterator[Step]:
    for span in spans:
        if span.kind == "tool":
            given = span.input if isinstance(span.input, dict) else {}
            yield Step(span.name, given, _result(span))


def _result(span: Span) -> Any:
    if span.status != "ok":
        return {"error": span.error_message or span.error_code or span.status}
    given = span.output
    return given["value"] if isinstance(given, dict) and set(given) == {"value"} else given


def _about(root: Span, spans: Sequence[Span]) -> Json:
    """What some span says of each, the root before the others."""
    told: Json = {}
    for span in (root, *spans):
        for name in _TOLD:
            if (value := getattr(span, name)) is not None:
                told.setdefault(name, value)
    return told
