"""What a trace shows of a case that another program ran: the answer, the time, the cost, and its scores as verdicts.

The step that answered is the one that was named, else the first of the trace. Scores are taken wherever in the trace
they were given, the newest of each name.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from pilothouse.call import Span
from pilothouse.cases import Outcome, Verdict
from pilothouse.errors import NotFound
from pilothouse.evals.datasets.cases import answer_of, bare
from pilothouse.observe.scores import Score
from pilothouse.observe.trace import Node, Trace
from pilothouse.observe.traces import Traces

__all__ = ["STEP", "answered", "judged", "verdicts_of"]

STEP = "observation_id"
"""Where the metadata of a case name the step that answered."""
_FAILED = "the task failed"
_EXPECTED = "langfuse.experiment.item.expected_output"


def answered(traces: Traces, project: str, outcome: Outcome, *, whatever: bool = False) -> Outcome | None:
    """The outcome with what its trace shows; None while that is not there, or not whole yet. With `whatever`, what
    there is of it counts as the whole."""
    case = outcome.case
    try:
        trace = traces.get(case.trace_id or "", project, payload=False)
    except NotFound:
        return None
    node = _step(trace, case.metadata.get(STEP))
    if node is None and whatever:
        node = trace.roots[0]
    if node is None:
        return None
    span = node.span
    body = traces.payload(trace.trace_id, span.id, project)
    output, steps = answer_of(body.get("output"))
    totals = Trace(trace.trace_id, project, [*_spans(node)]).totals
    found = replace(
        case, output=output, steps=steps, latency_s=span.duration_us / 1e6,
        cost_nano=(totals.cost_nano or 0) if totals.cost_known else None,
    )  # fmt: skip
    if case.input is None:
        found = replace(found, input=bare(body.get("input")), expected=case.expected or span.attributes.get(_EXPECTED))
    failed = span.status == "error"
    return Outcome(
        case=found, trial=outcome.trial, error=(span.error_message or _FAILED) if failed else None,
        verdicts=() if failed else outcome.verdicts,
    )  # fmt: skip


def judged(outcome: Outcome, scores: Iterable[Score]) -> Outcome:
    """The outcome with these scores of its trace, but where its task failed: there is nothing to judge then."""
    return outcome if outcome.error is not None else replace(outcome, verdicts=verdicts_of(scores))


def verdicts_of(scores: Iterable[Score]) -> tuple[Verdict, ...]:
    """A verdict for each name, of the newest score of that name. What asking cost was paid elsewhere."""
    newest = dict[str, Score]()
    for score in scores:
        name = "".join(letter if letter.isprintable() else "\ufffd" for letter in score.name)
        if name not in newest or (newest[name].at_us, newest[name].id) < (score.at_us, score.id):
            newest[name] = score
    told = ((name, score) for name, score in sorted(newest.items()) if name)
    return tuple(_verdict(name, score) for name, score in told)


def _verdict(name: str, score: Score) -> Verdict:
    if score.value is None:
        return Verdict.ok(name, label=score.label or "", explanation=score.comment or "")
    passed = score.value == 1.0 if score.kind == "boolean" else None
    return Verdict.ok(name, score.value, passed=passed, explanation=score.comment or "")


def _step(trace: Trace, named: object) -> Node | None:
    """The step that was named, else the first of the whole trace: one that has a parent elsewhere is a part of it."""
    if named is not None:
        return next((node for node in trace.nodes() if node.span.id == named), None)
    return next((node for node in trace.roots if node.span.parent_id is None), None)


def _spans(node: Node) -> Iterator[Span]:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one.span
        waiting.extend(one.children)
