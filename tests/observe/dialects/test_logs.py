"""GenAI's events as log records, whichever of their two forms, and what else comes that way."""

import json
from typing import Any

import pytest

from pilothouse.observe.dialects.logs import Logged, read_records
from pilothouse.observe.dialects.otel import LogRecord, Origin

TRACE, SPAN = "ab" * 16, "cd" * 8
AT = 1_700_000_000_000_000


def record(name: str = "", body: Any = None, **fields: Any) -> LogRecord:
    given: dict[str, Any] = {
        "trace_id": TRACE, "span_id": SPAN, "at_us": AT, "attributes": {}, "origin": Origin({"service.name": "shop"})
    }  # fmt: skip
    return LogRecord(name=name, body=body, **{**given, **fields})


def read(*records: LogRecord) -> Logged:
    return read_records(records)


def test_messages_become_one_step_below_their_span() -> None:
    records = [
        record("gen_ai.system.message", {"content": "Be brief."}),
        record("gen_ai.user.message", {"content": "Hi"}, at_us=AT + 1),
        record("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Hello"}}, at_us=AT + 9),
        record("gen_ai.user.message", {"content": "another span's"}, span_id="ef" * 8),
    ]
    step, other = read(*records).spans
    assert (step.trace_id, step.parent_id, step.name, step.operation) == (TRACE, SPAN, "messages", "event")
    assert (step.start_us, step.end_us) == (AT, AT + 9)
    assert step.input == {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    assert step.output == {"choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
    assert step.attributes == {"service.name": "shop"}
    assert (other.parent_id, other.output) == ("ef" * 8, None)


def test_the_details_of_an_inference() -> None:
    attributes = {
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]),
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}],
        "event.name": "gen_ai.client.inference.operation.details",
    }
    (step,) = read(record(attributes=attributes)).spans
    assert step.input == {"messages": [{"role": "user", "content": "Hi"}]}
    assert step.output == {"choices": [{"message": {"role": "assistant", "content": "Hello"}}]}


def test_the_same_records_make_the_same_step() -> None:
    def made(text: str) -> str:
        return read(record("gen_ai.user.message", {"content": text})).spans[0].id

    assert made("a") == made("a") != made("b")


def test_a_verdict_is_a_score() -> None:
    attributes = {
        "gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5,
        "gen_ai.evaluation.score.label": "so so", "gen_ai.evaluation.explanation": "because",
    }  # fmt: skip
    (score,) = read(record("gen_ai.evaluation.result", attributes=attributes)).scores
    assert (score.name, score.kind, score.value, score.label) == ("relevance", "numeric", 0.5, "so so")
    assert (score.trace_id, score.span_id, score.comment, score.at_us) == (TRACE, SPAN, "because", AT)
    del attributes["gen_ai.evaluation.score.value"]
    assert read(record("gen_ai.evaluation.result", attributes=attributes)).scores[0].kind == "categorical"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (record("app.log", "text"), "no event of GenAI"),
        (record(), "no event of GenAI"),
        (record("gen_ai.user.message", span_id=""), "no span"),
        (record("gen_ai.evaluation.result"), "no score"),
        (record("gen_ai.evaluation.result", attributes={"gen_ai.evaluation.name": "x"}), "no score"),
        (
            record(
                "gen_ai.evaluation.result",
                attributes={"gen_ai.evaluation.name": "x", "gen_ai.evaluation.score.value": 10**400},
            ),
            "no score",
        ),
    ],
)
def test_other_records_are_rejected(given: LogRecord, why: str) -> None:
    made = read(given)
    assert (made.spans, made.scores) == ([], [])
    assert why in made.rejected[0]


@pytest.mark.parametrize("body", [None, 7, "text", [1], {"message": 7}, {"content": {"deep": [{}]}}, {"parts": [7]}])
@pytest.mark.parametrize("name", ["gen_ai.user.message", "gen_ai.choice", "gen_ai.content.prompt"])
def test_odd_bodies(name: str, body: Any) -> None:
    assert len(read(record(name, body), record(name, body)).spans) == 1
