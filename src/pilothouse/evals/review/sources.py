"""Review items made of traces, of outcomes of evaluation runs, of two runs side by side, and of what is given.

Knows nothing of queues and rules.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from pilothouse.cases import Outcome, Step
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.evals.datasets.cases import answer_of
from pilothouse.evals.traced import case_of
from pilothouse.evals.values import written
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.observe.trace import Trace
from pilothouse.observe.traces import Traces
from pilothouse.storage.evaluating.eval_outcomes import source_of
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.storage.evaluating.review_items import NewReviewItem, Source

__all__ = ["given_item", "outcome_item", "pair_items", "trace_item"]

_FIELDS = ("input", "outputs", "output", "systems", "context", "expected", "metadata")


def trace_item(
    traces: Traces, project: str, trace_id: str, span_id: str | None, reason: str
) -> NewReviewItem | None:  # fmt: skip
    """The item of a trace, or of one step of it; None where what was asked or answered is not kept. Raises
    NotFound."""
    trace = traces.get(trace_id, project)
    span_id = None if span_id == trace.root.id else span_id
    if span_id is None:
        case = case_of(trace)
        if case is None or case.input is None:
            return None
        asked, answer, context = case.input, _said(case.output, case.steps), case.context
    else:
        asked, answer, context = *_of_step(trace, span_id), ()
    if asked is None or not answer:
        return None
    users = (span.user_id for span in (trace.root, *trace.spans) if span.user_id)
    user = next(users, None)
    return NewReviewItem(
        source=Source(trace_id, span_id), input=asked, outputs=(answer,), context=context, reason=reason,
        metadata={"name": trace.root.name}, traces=(trace_id,), user=None if user is None else user_hash(user),
    )  # fmt: skip


def outcome_item(run: Run, outcome: Outcome, reason: str) -> NewReviewItem:
    """The item of a case as a run answered it."""
    case = outcome.case
    return NewReviewItem(
        source=Source(run_id=run.id, case_id=case.id, trial=outcome.trial), input=case.input,
        outputs=(_said(case.output, case.steps),),
        systems=(run.name,), context=case.context, expected=case.expected, metadata=case.metadata, reason=reason,
        traces=_traces(outcome), user=source_of(case)[1],
    )  # fmt: skip


def pair_items(runs: EvalRuns, project: str, one: Run, other: Run) -> Iterator[NewReviewItem]:
    """The cases that both runs answered, in the same trial, each in its own words. Raises InvalidRequest for a run
    beside itself."""
    if one.id == other.id:
        raise InvalidRequest("Two different runs are compared side by side.", param="other_run")
    named = (
        (one.name, other.name) if one.name != other.name else (f"{one.name} ({one.id})", f"{other.name} ({other.id})")
    )
    for outcome in runs.each(project, one.id):
        if outcome.error is not None:
            continue
        try:
            beside = runs.outcome(project, other.id, outcome.case.id, outcome.trial)
        except NotFound:
            continue
        case = outcome.case
        outputs = _said(case.output, case.steps), _said(beside.case.output, beside.case.steps)
        if beside.error is not None or outputs[0] == outputs[1]:
            continue
        source = Source(run_id=one.id, other_run_id=other.id, case_id=case.id, trial=outcome.trial)
        yield NewReviewItem(
            source=source, input=case.input, outputs=outputs, systems=named,
            context=_of_both(case.context, beside.case.context), expected=case.expected, metadata=case.metadata,
            reason="side by side",
            traces=tuple(dict.fromkeys((*_traces(outcome), *_traces(beside)))), user=source_of(case)[1],
        )  # fmt: skip


def given_item(record: Any, place: int) -> NewReviewItem:
    """The item that a record says: `input` with `output`, or with two `outputs` and the names of their `systems`;
    `context`, `expected` and `metadata` where it has them. Raises InvalidRequest with the place."""
    if not isinstance(record, dict):
        raise InvalidRequest(f"Item {place}: is no JSON object with `input` and `output`.", param="items")
    unknown = [name for name in record if name not in _FIELDS]
    if unknown:
        raise InvalidRequest(
            f"Item {place}: `{str(unknown[0])[:64]}` is no field: {', '.join(_FIELDS)}.", param="items"
        )
    if record.get("input") is None or ("output" in record) == ("outputs" in record):
        raise InvalidRequest(f"Item {place}: needs `input`, and `output` or `outputs`.", param="items")
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise InvalidRequest(f"Item {place}: `metadata` must be a JSON object.", param="items")
    outputs = [record["output"]] if "output" in record else record["outputs"]
    return NewReviewItem(
        input=record["input"], outputs=_texts(outputs, "outputs", place), reason="given", metadata=metadata,
        systems=_texts(record.get("systems"), "systems", place), expected=record.get("expected"),
        context=_texts(record.get("context"), "context", place),
    )  # fmt: skip


def _of_step(trace: Trace, span_id: str) -> tuple[Any, str]:
    span = next((span for span in trace.spans if span.id == span_id), None)
    if span is None:
        raise NotFound(f"The trace has no span '{span_id[:64]}'.")
    answer, steps = answer_of(span.output)
    return span.input, _said(answer, steps)


def _said(output: str, steps: Sequence[Step]) -> str:
    """What was answered; where that is nothing but calls of tools, these."""
    return output or (written(msgspec.to_builtins([*steps])) if steps else "")


def _of_both(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """What both rest on: passages of two runs in an order that does not tell whose they are."""
    return tuple(one) if tuple(one) == tuple(other) else tuple(sorted({*one, *other}))


def _traces(outcome: Outcome) -> tuple[str, ...]:
    """The trace that the case came of before the one in which it was answered."""
    found = (source_of(outcome.case)[0], outcome.case.trace_id)
    return tuple(dict.fromkeys(trace for trace in found if trace))


def _texts(given: Any, name: str, place: int) -> tuple[str, ...]:
    texts = [] if given is None else [given] if isinstance(given, str) else given
    if not (isinstance(texts, list) and all(isinstance(text, str) for text in texts)):
        raise InvalidRequest(f"Item {place}: `{name}` must be texts.", param="items")
    return tuple(texts)
