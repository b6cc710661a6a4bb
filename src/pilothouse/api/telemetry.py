"""The routes of traces and scores together: how they come in, in every form, and how they are read back."""

from collections.abc import Callable

from fastapi import APIRouter

from pilothouse.access import Tenants
from pilothouse.api.langfuse import datasets as langfuse_datasets
from pilothouse.api.langfuse import experiments as langfuse_experiments
from pilothouse.api.langfuse import reading as langfuse_reading
from pilothouse.api.langfuse import sending as langfuse
from pilothouse.api.observe import deletions, otlp, scores, sessions, spans, topics, traces, triggers
from pilothouse.api.observe.one_by_one import OneByOne
from pilothouse.call import Recorder, Span
from pilothouse.evals.datasets.experiments import Experiments, external_runs
from pilothouse.exports.queue import Queue
from pilothouse.lifecycle.deletions import Deletions
from pilothouse.observe import Prices, Traces
from pilothouse.observe.arrival.intake import Flushes
from pilothouse.observe.arrival.revisions import Revisions
from pilothouse.observe.scores import Scores
from pilothouse.observe.topics.report import TopicReports
from pilothouse.storage import Store

__all__ = ["telemetry_routes"]


def telemetry_routes(
    store: Store, recorder: Recorder, drainer: Flushes, prices: Prices, tenants: Tenants,
    discreet: Callable[[Span], Span], max_body_bytes: int, queue: Queue | None = None,
) -> list[APIRouter]:  # fmt: skip
    """Over one store, into which spans come by `recorder` and `drainer`. `discreet` makes of a span the one that may be
    written, where it is written otherwise. `queue` is told of those, and of scores, as they are written."""
    sent = spans.SpanRooms.over(recorder, drainer, prices, max_body_bytes)
    judged = Scores(store, None if queue is None else queue.put_scores)
    revisions = Revisions(store, discreet, None if queue is None else queue.put)
    turn, external = OneByOne(), external_runs(store)
    return [
        spans.routes(sent),
        otlp.routes(sent, judged, turn, Experiments(store, external)),
        langfuse.routes(langfuse.LangfuseRooms(sent, judged, revisions, tenants, turn)),
        langfuse_reading.routes(store),
        langfuse_datasets.routes(store, external),
        langfuse_experiments.routes(store),
        scores.routes(judged, turn),
        triggers.routes(store, judged, turn),
        traces.routes(Traces(store), prices),
        sessions.routes(Traces(store)),
        topics.routes(TopicReports(store)),
        deletions.routes(Deletions(store)),
    ]
