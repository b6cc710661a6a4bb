"""The official `langfuse` SDK, unmodified: traces, scores, and what it reads back. Run once for each of its versions.

In environments of their own (see the Makefile), since versions 3, 4 and 5 exclude each other.
"""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest

from .conftest import Door

langfuse = pytest.importorskip("langfuse")
MAJOR = int(version("langfuse").partition(".")[0])
QUESTION = [{"role": "user", "content": "How long does a rollback take?"}]
ANSWER = {"role": "assistant", "content": "Four minutes."}
USAGE = {
    "prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109, "prompt_tokens_details": {"cached_tokens": 64},
    "completion_tokens_details": {"reasoning_tokens": 4},
}  # fmt: skip
METADATA = {"deep": {"a": [1]}}
FIELDS = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context"


@pytest.fixture(scope="module")
def client(door: Door) -> Iterator[Any]:
    made = langfuse.Langfuse(public_key="pk-lf-any", secret_key=door.key, host=door.url, environment="staging")
    yield made
    made.shutdown()


def kept(door: Door, trace_id: str) -> Any:
    request = urllib.request.Request(f"{door.url}/api/traces/{trace_id}")
    request.add_header("authorization", f"Bearer {door.key}")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def trace_id(client: Any) -> str:
    """A trace with a span, a generation, a tool that failed and an event, and three scores."""

    @langfuse.observe()
    def find(question: str) -> dict[str, Any]:
        return {"passages": [question]}

    def inside() -> str:
        with client.start_as_current_observation(as_type="span", name="answer", input={"q": 1}) as root:
            if MAJOR == 3:
                root.update_trace(user_id="ada", session_id="chat-7", tags=["beta"], metadata={"plan": "pro"})
            find("rollback")
            with client.start_as_current_observation(
                as_type="generation", name="model", model="gpt-4o", input=QUESTION, model_parameters={"temperature": 0}
            ) as call:
                first = datetime.now(UTC)
                call.update(
                    output=ANSWER, usage_details=USAGE, completion_start_time=first, metadata={"deep": {"a": [1]}}
                )
            with client.start_as_current_observation(as_type="tool", name="tool") as tool:
                tool.update(level="ERROR", status_message="no such city")
            client.create_event(name="clicked", input="button")
            root.update(output="Four minutes.")
            root.score_trace(name="helpful", value=0.9, comment="said thanks")
            return str(root.trace_id)

    if MAJOR == 3:
        made = inside()
    else:
        with langfuse.propagate_attributes(user_id="ada", session_id="chat-7", tags=["beta"], metadata={"plan": "pro"}):
            made = inside()
    client.create_score(name="mood", value="calm", trace_id=made, data_type="CATEGORICAL", metadata={"a": 1})
    client.create_score(name="right", value=1, trace_id=made, data_type="BOOLEAN")
    client.flush()
    return made


def test_the_pair_of_keys_is_right(client: Any) -> None:
    assert client.auth_check()


def test_the_trace_is_kept_as_one_of_ours(door: Door, trace_id: str) -> None:
    trace = kept(door, trace_id)
    spans = {span["name"]: span for span in trace["spans"]}
    assert set(spans) == {"answer", "find", "model", "tool", "clicked"}
    assert all(span["parent_id"] == spans["answer"]["id"] for name, span in spans.items() if name != "answer")
    root, model = spans["answer"]["attributes"], spans["model"]["attributes"]
    assert (root["user.id"], root["gen_ai.conversation.id"]) == ("ada", "chat-7")
    assert model["gen_ai.request.model"] == "gpt-4o"
    assert model["gen_ai.usage.input_tokens"] == 100
    assert model["gen_ai.usage.cache_read.input_tokens"] == 64
    assert model["gen_ai.usage.reasoning.output_tokens"] == 4
    assert model["pilothouse.cost.nano_usd"] > 0
    assert model["gen_ai.response.time_to_first_chunk"] >= 0
    assert spans["model"]["input"] == {"messages": QUESTION}
    assert (spans["tool"]["status"], spans["tool"]["kind"]) == ("error", "tool")
    assert trace["totals"]["input_tokens"] == 100


def test_observations_are_read_back(client: Any, trace_id: str) -> None:
    api = client.api.observations_v_2 if MAJOR == 3 else client.api.observations
    found, cursor = [], None
    while True:
        page = api.get_many(trace_id=trace_id, fields=FIELDS, limit=2, cursor=cursor)
        found += [one if isinstance(one, dict) else json.loads(one.json()) for one in page.data]
        cursor = page.meta.cursor
        if cursor is None:
            break
    told = {one["name"]: one for one in found}
    assert {name: one["type"] for name, one in told.items()} == {
        "answer": "SPAN", "find": "SPAN", "model": "GENERATION", "tool": "TOOL", "clicked": "EVENT"
    }  # fmt: skip
    model = told["model"]
    assert json.loads(model["input"]) == QUESTION
    assert json.loads(model["output"]) == ANSWER
    assert model["metadata"]["deep"] == {"a": [1]}
    assert model["modelParameters"] == {"temperature": 0}
    assert model["usageDetails"]["input_cached_tokens"] == 64
    assert (told["tool"]["level"], told["tool"]["statusMessage"]) == ("ERROR", "no such city")
    assert (told["answer"]["userId"], told["answer"]["environment"]) == ("ada", "staging")
    assert told["model"]["traceName"] == "answer"


@pytest.mark.skipif(MAJOR == 3, reason="version 3 does not know /v3/scores")
def test_scores_are_read_back(client: Any, trace_id: str) -> None:
    api = client.api.scores_v3 if MAJOR == 4 else client.api.scores
    read = api.get_many_v3 if hasattr(api, "get_many_v3") else api.get_many
    found = {one.name: one for one in read(trace_id=trace_id, fields="details,subject").data}
    assert {name: one.value for name, one in found.items()} == {"helpful": 0.9, "mood": "calm", "right": True}
    assert found["helpful"].comment == "said thanks"
    assert found["mood"].metadata == {"a": 1}


@pytest.mark.skipif(MAJOR == 5, reason="version 5 sends no batches")
def test_a_batch_of_the_older_kind(door: Door, client: Any) -> None:
    if MAJOR == 3:
        from langfuse.api import (
            CreateGenerationBody,
            IngestionEvent_GenerationCreate,
            IngestionEvent_TraceCreate,
            TraceBody,
        )
    else:
        from langfuse.api.ingestion import (
            CreateGenerationBody,
            IngestionEvent_GenerationCreate,
            IngestionEvent_TraceCreate,
            TraceBody,
        )
    now, trace = datetime.now(UTC), "an older trace"
    told = {"trace_id": trace, "traceId": trace, "start_time": now, "startTime": now, "end_time": now, "endTime": now}
    generation = CreateGenerationBody(id="g", name="gen", model="gpt-4o", **told)
    at = now.isoformat()
    answer = client.api.ingestion.batch(
        batch=[
            IngestionEvent_TraceCreate(id="1", timestamp=at, body=TraceBody(id=trace, name="old")),
            IngestionEvent_GenerationCreate(id="2", timestamp=at, body=generation),
        ]
    )
    assert answer.errors == []
    assert [one.id for one in answer.successes] == ["1", "2"]
    api = client.api.observations_v_2 if MAJOR == 3 else client.api.observations
    assert len(api.get_many(trace_id=trace).data) == 2


def test_the_openai_wrapper(door: Door, client: Any) -> None:
    """Its calls go through the gateway as well: one trace holds both."""
    from langfuse.openai import OpenAI

    model = OpenAI(base_url=door.v1, api_key=door.key)
    with model, client.start_as_current_observation(as_type="span", name="wrapped") as root:
        model.chat.completions.create(model="openai", messages=QUESTION)
        made = str(root.trace_id)
    client.flush()
    spans = [span for span in kept(door, made)["spans"] if span["kind"] == "llm"]
    assert spans
    assert spans[0]["attributes"]["gen_ai.usage.input_tokens"] == 11
