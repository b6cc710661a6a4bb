"""Spans that come in parts: whatever the order, the sums are those of what is known in the end."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from pilothouse.call import Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe import Traces
from pilothouse.observe.arrival.revisions import Part, Revisions
from pilothouse.observe.scores import Score, Scores
from pilothouse.storage import Store
from pilothouse.storage.tables import prompt_calls, rollups
from pilothouse.types import Usage

from ..conftest import Write
from ..making import full_span

TRACE, SPAN = "ab" * 16, "cd" * 8
START = 1_700_000_000_000_000


def take(span: Span) -> None:
    span.name = span.name or "unnamed"
    if span.kind == "llm" and span.usage and span.cost_nano is None:
        span.cost_nano = span.usage.input_tokens


@pytest.fixture
def put(store: Store) -> Callable[..., dict[Any, str]]:
    revisions = Revisions(store, lambda span: span)

    def put_parts(*parts: Part, admit: Callable[[Span], None] = take) -> dict[Any, str]:
        return revisions.put("default", parts, admit)

    return put_parts


def part(span_id: str = SPAN, only_known: bool = False, **fields: Any) -> Part:
    return Part(TRACE, span_id, fields, START + 1000, fields.pop("attributes", {}), only_known)


CREATE = {"start_us": START, "name": "gen", "kind": "llm", "input": {"value": "q"}, "user_id": "ada"}
UPDATE = {"end_us": START + 500, "usage": Usage(10, 5), "output": {"value": "a"}, "request_model": "m"}


def cells(store: Store) -> list[tuple[Any, ...]]:
    c = rollups.c
    query = select(c.requests, c.calls, c.input_tokens, c.cost_nano)
    with store.observe.connect() as connection:
        return [tuple(row) for row in connection.execute(query.where(c.grain == "day", c.dimension == "all"))]


@pytest.mark.parametrize("order", [(CREATE, UPDATE), (UPDATE, CREATE), (CREATE, UPDATE, UPDATE, CREATE)])
@pytest.mark.parametrize("at_once", [True, False])
def test_parts_in_any_order_make_the_same_span(
    put: Any, store: Store, traces: Traces, order: tuple[dict[str, Any], ...], at_once: bool
) -> None:
    parts = [part(attributes={f"a{number}": number}, **fields) for number, fields in enumerate(order)]
    for some in [parts] if at_once else [[one] for one in parts]:
        assert put(*some) == {}
    (span,) = traces.get(TRACE).spans
    assert (span.name, span.kind, span.user_id, span.source) == ("gen", "llm", "ada", "langfuse")
    assert (span.duration_us, span.usage, span.cost_nano) == (500, Usage(10, 5), 10)
    assert (span.input, span.output) == ({"value": "q"}, {"value": "a"})
    assert span.attributes == {f"a{number}": number for number in range(len(order))}
    assert cells(store) == [(1, 1, 10, 10)]


def test_the_price_follows_the_usage(put: Any, traces: Traces) -> None:
    put(part(**CREATE, usage=Usage(3, 1)))
    put(part(usage=Usage(7, 1)))
    assert traces.get(TRACE).spans[0].cost_nano == 7
    put(part(cost_nano=99))
    put(part(output={"value": "b"}))
    assert traces.get(TRACE).spans[0].cost_nano == 99


def test_what_only_widens_makes_no_span(put: Any, traces: Traces) -> None:
    around = part("ef" * 8, only_known=True, end_us=START + 900, start_us=START)
    put(part(**CREATE), around)
    assert len(traces.get(TRACE).spans) == 1
    put(part("ef" * 8, start_us=START + 5, name="root"), around)
    root = next(span for span in traces.get(TRACE).spans if span.name == "root")
    assert (root.start_us, root.duration_us) == (START, 900)


def test_what_others_recorded_stays(put: Any, write: Write, traces: Traces) -> None:
    write([full_span(id=SPAN, trace_id=TRACE, name="the gateway's")])
    refused = put(part(**CREATE), part("ef" * 8, **CREATE))
    assert set(refused) == {(TRACE, SPAN)}
    assert "another source" in refused[TRACE, SPAN]
    assert {span.name for span in traces.get(TRACE).spans} == {"the gateway's", "gen"}


def test_another_project_has_its_own(put: Any, store: Store, traces: Traces) -> None:
    put(part(**CREATE))
    Revisions(store, lambda span: span).put("other", [part(name="theirs", start_us=START)], take)
    assert traces.get(TRACE).spans[0].name == "gen"
    assert traces.get(TRACE, "other").spans[0].name == "theirs"


def test_one_that_cannot_be_kept_takes_no_other_along(put: Any, traces: Traces) -> None:
    def admit(span: Span) -> None:
        if span.id == SPAN:
            raise InvalidRequest("not this one")

    assert put(part(**CREATE), part("ef" * 8, **CREATE), admit=admit) == {(TRACE, SPAN): "not this one"}
    assert len(traces.get(TRACE).spans) == 1


def test_scores_stay_counted_once(put: Any, store: Store) -> None:
    put(part(**CREATE))
    Scores(store).put("default", [Score(id="s", name="good", trace_id=TRACE, value=0.5)])
    put(part(**UPDATE))
    with store.observe.connect() as connection:
        found = connection.execute(text("SELECT count, total FROM score_rollups WHERE grain = 'day'")).all()
    assert {tuple(row) for row in found} == {(1, 0.5)}


def test_what_may_not_be_written_is_not(store: Store, traces: Traces) -> None:
    def discreet(span: Span) -> Span:
        span.input = {"value": "[redacted]"}
        return span

    Revisions(store, discreet).put("default", [part(**CREATE)], take)
    assert traces.get(TRACE).spans[0].input == {"value": "[redacted]"}


def test_what_changed_is_told_once_it_has_an_end(store: Store) -> None:
    told: list[tuple[object, ...]] = []
    revisions = Revisions(store, lambda span: span, lambda _, rows: told.extend(rows))
    for fields in (CREATE, UPDATE, {"name": "renamed"}):
        revisions.put("default", [part(**fields)], take)
    event = Part(TRACE, "ef" * 8, {"start_us": START, "name": "event"}, START, {"langfuse.observation.type": "event"})
    revisions.put("default", [event], take)
    assert [(row[2], row[4]) for row in told] == [(SPAN, "gen"), (SPAN, "renamed"), ("ef" * 8, "event")]


def test_a_call_of_a_prompt_has_one_row_that_follows_it(put: Any, store: Store) -> None:
    put(part(**CREATE, prompt="rag@3"))
    put(part(**UPDATE), part("ef" * 8, **{**CREATE, "kind": "chain"}, prompt="rag@3"))
    c = prompt_calls.c
    with store.observe.connect() as connection:
        rows = connection.execute(select(c.prompt, c.version, c.latency_us, c.input_tokens, c.cost_nano)).all()
    assert [tuple(row) for row in rows] == [("rag", 3, 500, 10, 10)]


def test_more_traces_than_fit_one_transaction(put: Any, store: Store) -> None:
    put(*(Part(f"{number:032x}", SPAN, dict(CREATE), START) for number in range(1, 502)))
    assert sum(row[0] for row in cells(store)) == 501
