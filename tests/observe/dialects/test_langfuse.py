"""Langfuse's words, in both directions: events of its older versions, scores, and observations as it gives them."""

from typing import Any

import pytest
from tests.observe.making import full_span, step

from pilothouse.errors import InvalidRequest
from pilothouse.observe.dialects.langfuse_events import parts_of, root_of
from pilothouse.observe.dialects.langfuse_ids import iso, span_id_of, trace_id_of
from pilothouse.observe.dialects.langfuse_observations import observation_to_json
from pilothouse.observe.dialects.langfuse_scores import score_of, score_to_json
from pilothouse.observe.observations import Observation
from pilothouse.observe.scores import Score
from pilothouse.types import Usage

UUID = "0190b1c4-7b3f-7cc0-8b3c-0123456789ab"
AT = "2023-11-14T22:13:20.000Z"
AT_US = 1_700_000_000_000_000


def event(kind: str, **body: Any) -> dict[str, Any]:
    return {"id": "e1", "type": kind, "timestamp": AT, "body": body}


def test_ids() -> None:
    assert trace_id_of("AB" * 16) == "ab" * 16
    assert trace_id_of(UUID) == UUID.replace("-", "")
    assert trace_id_of("my trace") == trace_id_of("my trace") != trace_id_of("my other trace")
    assert len(trace_id_of("\ud800")) == len(trace_id_of("0" * 32)) == 32
    assert trace_id_of("0" * 32) != "0" * 32
    assert span_id_of("CD" * 8) == "cd" * 8
    assert len(span_id_of(UUID)) == 16
    assert iso(AT_US) == AT


def test_a_trace_is_the_span_above() -> None:
    (part,) = parts_of(
        event(
            "trace-create", id=UUID, timestamp="2023-11-14T22:13:19Z", name="chat", userId="ada", sessionId="s",
            tags=["a", 1], release="v1", environment="prod", version="2", input=[{"role": "user", "content": "hi"}],
            metadata={"plan": "pro", "feature": "help", "deep": {"a": [1]}},
        )
    )  # fmt: skip
    assert (part.trace_id, part.span_id) == (UUID.replace("-", ""), root_of(UUID))
    assert part.fields == {
        "start_us": AT_US - 1_000_000, "name": "chat", "user_id": "ada", "session_id": "s", "tags": ["a", "1"],
        "release": "v1", "environment": "prod", "feature": "help",
        "input": {"messages": [{"role": "user", "content": "hi"}]},
    }  # fmt: skip
    assert part.attributes == {
        "langfuse.trace.metadata.plan": "pro", "langfuse.trace.metadata.feature": "help",
        "langfuse.trace.metadata.deep": '{"a":[1]}', "langfuse.version": "2",
    }  # fmt: skip


def test_a_generation() -> None:
    part, around = parts_of(
        event(
            "generation-create", id="g1", traceId=UUID, name="gen", startTime=AT, endTime="2023-11-14T22:13:21Z",
            completionStartTime="2023-11-14T22:13:20.25Z", model="gpt-4o", modelParameters={"temperature": 0},
            usage={"input": 10, "output": 5, "unit": "TOKENS", "totalCost": 0.25}, promptName="p", promptVersion=2,
            level="WARNING", statusMessage="hm", output="text",
        )
    )  # fmt: skip
    assert part.span_id == span_id_of("g1")
    assert part.fields == {
        "name": "gen", "request_model": "gpt-4o", "output": {"value": "text"}, "parent_id": root_of(UUID),
        "kind": "llm", "usage": Usage(10, 5), "cost_nano": 250_000_000, "ttft_us": 250_000, "prompt": "p@2",
        "start_us": AT_US, "end_us": AT_US + 1_000_000, "error_message": "hm",
    }  # fmt: skip
    assert part.attributes == {"langfuse.observation.model.parameters": '{"temperature":0}',
                               "langfuse.observation.level": "WARNING"}  # fmt: skip
    assert (around.span_id, around.only_known) == (root_of(UUID), True)
    assert around.fields == {"start_us": AT_US, "end_us": AT_US + 1_000_000}


def test_an_update_tells_no_start_of_its_own() -> None:
    part, _ = parts_of(event("span-update", id="s1", traceId="t", endTime=AT, level="ERROR"))
    assert "start_us" not in part.fields
    assert (part.fields["status"], part.fields["end_us"]) == ("error", AT_US)
    (inner,) = parts_of(event("span-create", id="s2", traceId="t", parentObservationId="s1"))
    assert (inner.fields["parent_id"], inner.fields["start_us"]) == (span_id_of("s1"), AT_US)


def test_names_of_python_are_taken_too() -> None:
    part = parts_of(event("observation-create", id="o", trace_id="t", type="EVENT", start_time=AT, user_id="ada"))[0]
    assert (part.trace_id, part.fields["start_us"]) == (trace_id_of("t"), AT_US)
    assert part.attributes == {"langfuse.observation.type": "event"}


@pytest.mark.parametrize(
    "given",
    [
        {}, {"type": "span-create"}, event("nonsense"), event("span-create"), event("span-create", id=7),
        event("trace-create", id=""), {**event("span-create", id="a"), "timestamp": "soon"},
        {**event("span-create", id="a"), "type": ["x"]}, {**event("span-create"), "body": []},
    ],
)  # fmt: skip
def test_events_that_tell_of_nothing(given: Any) -> None:
    with pytest.raises(InvalidRequest):
        parts_of(given)


def test_a_log_of_the_sdk_is_no_span() -> None:
    assert parts_of(event("sdk-log", log="x")) == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"value": 0.5}, ("numeric", 0.5, None)),
        ({"value": 1, "dataType": "BOOLEAN"}, ("boolean", 1.0, None)),
        ({"value": "calm"}, ("categorical", None, "calm")),
        ({"value": "x" * 600, "dataType": "TEXT"}, ("text", None, "x" * 600)),
        ({"value": "better", "dataType": "CORRECTION"}, ("correction", None, "better")),
        ({"value": True}, ("boolean", 1.0, None)),
    ],
)
def test_scores(body: dict[str, Any], told: Any) -> None:
    score = score_of({"name": "good", "traceId": UUID, **body}, "ann")
    assert (score.kind, score.value, score.label) == told
    assert (score.trace_id, score.author, score.source) == (UUID.replace("-", ""), "ann", "langfuse")
    shown = score_to_json(score, "default", 0, frozenset())
    assert (shown["dataType"], shown["value"]) == (told[0].upper(), body["value"])


def test_a_score_goes_there_and_back() -> None:
    given = {
        "id": "s1", "name": "good", "traceId": "ab" * 16, "observationId": "cd" * 8, "value": 1.5, "comment": "so so",
        "metadata": {"k": [1]}, "environment": "prod", "configId": "c", "timestamp": AT, "source": "ANNOTATION",
    }  # fmt: skip
    shown = score_to_json(score_of(given, None), "mine", AT_US + 1000, frozenset(("details", "subject", "annotation")))
    assert shown == {
        "id": "s1", "projectId": "mine", "name": "good", "dataType": "NUMERIC", "value": 1.5, "source": "ANNOTATION",
        "timestamp": AT, "createdAt": AT, "updatedAt": "2023-11-14T22:13:20.001Z", "environment": "prod",
        "comment": "so so", "configId": "c", "metadata": {"k": [1]}, "authorUserId": None, "queueId": None,
        "subject": {"kind": "observation", "id": "cd" * 8, "traceId": "ab" * 16},
    }  # fmt: skip
    assert score_to_json(Score(id="x", name="n", source="evaluator"), "p", 0, frozenset())["source"] == "EVAL"


@pytest.mark.parametrize(
    "body",
    [
        7, {}, {"name": "x", "value": 1}, {"traceId": "t", "value": 1}, {"name": "x", "traceId": "t"},
        {"name": "x", "traceId": "t", "value": "a", "dataType": "NUMERIC"}, {"name": "x", "traceId": 7, "value": 1},
        {"name": "x", "traceId": "t", "value": 2, "dataType": "BOOLEAN"},
        {"name": "x" * 201, "traceId": "t", "value": 1},
        {"name": "x", "traceId": "t", "value": 1, "dataType": "TEXT"}, {"name": "x", "traceId": "t", "value": [1]},
        {"name": "x", "traceId": "t", "value": 1, "dataType": "NEW"},
        {"name": "x", "traceId": "t", "value": float("inf")}, {"name": "x", "traceId": "t", "value": float("nan")},
    ],
)  # fmt: skip
def test_scores_that_say_nothing(body: Any) -> None:
    with pytest.raises(InvalidRequest):
        score_of(body, None)


def test_an_observation_by_groups_of_fields() -> None:
    span = full_span(
        id="cd" * 8, trace_id="ab" * 16, start_us=AT_US, end_us=AT_US + 250_000, prompt="p@3", tags=["a"],
        attributes={"langfuse.observation.metadata.k": "v", "langfuse.trace.metadata": "all", "x": 1},
    )  # fmt: skip
    shown = observation_to_json(Observation(span, "root"), frozenset(("core",)))
    assert shown == {
        "id": "cd" * 8, "traceId": "ab" * 16, "startTime": AT, "endTime": "2023-11-14T22:13:20.250Z",
        "projectId": "default", "parentObservationId": None, "type": "GENERATION",
    }  # fmt: skip
    groups = frozenset(("basic", "io", "metadata", "usage", "prompt", "metrics", "trace_context", "model"))
    shown = observation_to_json(Observation(span, "root"), groups)
    assert shown["usageDetails"] == {
        "input": 600, "input_cached_tokens": 400, "output": 150, "output_reasoning_tokens": 50, "total": 1200
    }  # fmt: skip
    assert (shown["totalCost"], shown["latency"], shown["timeToFirstToken"]) == (0.0045, 0.25, 0.003)
    assert (shown["promptName"], shown["promptVersion"], shown["traceName"]) == ("p", 3, "root")
    assert shown["metadata"] == {"k": "v", "metadata": "all", "attributes": {"x": 1}}
    assert shown["input"] == '[{"role":"user","content":"What was the revenue?"}]'


def test_types_and_levels() -> None:
    def shown(**fields: Any) -> Any:
        told = observation_to_json(Observation(step("a", **fields), ""), frozenset(("basic", "usage", "prompt", "io")))
        return told["type"], told["level"]

    assert shown() == ("SPAN", "DEFAULT")
    assert shown(kind="guard", status="error") == ("GUARDRAIL", "ERROR")
    assert shown(attributes={"langfuse.observation.type": "event"}) == ("EVENT", "DEFAULT")
    assert shown(kind="tool", attributes={"langfuse.observation.level": "DEBUG"}) == ("TOOL", "DEBUG")
