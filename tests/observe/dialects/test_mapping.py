"""What spans of other tools become here, from payloads in the shapes that their instrumentations send."""

import json
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.observe.dialects.mapping import to_span
from pilothouse.observe.dialects.otel import Event, Origin, OtelSpan
from pilothouse.types import Usage

START = 1_700_000_000_000_000


def read(attributes: dict[str, Any], **fields: Any) -> Span:
    given: dict[str, Any] = {
        "trace_id": "ab" * 16, "id": "cd" * 8, "parent_id": None, "name": "step", "start_us": START,
        "end_us": START + 1000, "failed": False, "message": "", "attributes": attributes, "events": [],
        "origin": Origin(fields.pop("resource", {}), fields.pop("scope", "")),
    }  # fmt: skip
    return to_span(OtelSpan(**{**given, **fields}))


# ---- GenAI


def test_current_genai_names() -> None:
    span = read(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "aws.bedrock",
            "gen_ai.request.model": "claude",
            "gen_ai.response.model": "claude-4",
            "gen_ai.usage.input_tokens": 100,
            "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cache_read.input_tokens": 60,
            "gen_ai.usage.cache_creation.input_tokens": 10,
            "gen_ai.usage.reasoning.output_tokens": 5,
            "gen_ai.response.time_to_first_chunk": 0.25,
            "gen_ai.conversation.id": "talk",
            "gen_ai.request.temperature": 0.5,
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
            "gen_ai.input.messages": json.dumps(
                [
                    {"role": "user", "parts": [{"type": "text", "content": "Weather?"}]},
                    {
                        "role": "assistant",
                        "parts": [{"type": "tool_call", "id": "c1", "name": "get", "arguments": {"a": 1}}],
                    },
                    {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"t": 7}}]},
                ]
            ),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Cold."}], "finish_reason": "stop"}]
            ),
        }
    )
    assert (span.kind, span.operation, span.provider) == ("llm", "chat", "bedrock")
    assert (span.request_model, span.response_model, span.session_id) == ("claude", "claude-4", "talk")
    assert span.usage == Usage(100, 20, 60, 10, 5)
    assert span.ttft_us == 250_000
    assert span.attributes == {"gen_ai.request.temperature": 0.5}
    assert span.input is not None
    system, user, call, tool = span.input["messages"]
    assert (system, user) == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"})
    assert call["tool_calls"] == [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": '{"a":1}'}}]
    assert tool["content"] == '{"t":7}'
    assert span.output == {"choices": [{"message": {"role": "assistant", "content": "Cold."}, "finish_reason": "stop"}]}


def test_genai_names_of_before() -> None:
    span = read(
        {
            "gen_ai.system": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.prompt_tokens": 12,
            "gen_ai.usage.completion_tokens": 3,
            "gen_ai.prompt.0.role": "user",
            "gen_ai.prompt.0.content": "Hi",
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": "Hello",
            "gen_ai.completion.0.finish_reason": "stop",
            "gen_ai.completion.0.tool_calls.0.id": "c1",
            "gen_ai.completion.0.tool_calls.0.name": "look",
            "gen_ai.completion.0.tool_calls.0.arguments": "{}",
        }
    )
    assert (span.kind, span.provider, span.usage) == ("llm", "openai", Usage(12, 3))
    assert span.input == {"messages": [{"role": "user", "content": "Hi"}]}
    assert span.output is not None
    (choice,) = span.output["choices"]
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}


def test_genai_messages_as_events() -> None:
    events = [
        Event("gen_ai.system.message", START, {"gen_ai.system": "openai", "content": "Be brief."}),
        Event("gen_ai.user.message", START, {"gen_ai.system": "openai", "content": "Hi"}),
        Event("gen_ai.choice", START, {"index": 0, "finish_reason": "stop", "message": '{"content": "Hello"}'}),
        Event("gen_ai.choice", START, {"index": 1, "finish_reason": "length", "message": '{"content": "Hey"}'}),
    ]
    span = read({"gen_ai.operation.name": "chat"}, events=events)
    assert span.input == {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
    assert span.output is not None
    assert [c["finish_reason"] for c in span.output["choices"]] == ["stop", "length"]
    assert span.output["choices"][1]["message"] == {"role": "assistant", "content": "Hey"}
    assert span.attributes == {}


def test_a_tool_call_has_its_arguments_and_result() -> None:
    span = read(
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.call.arguments": '{"city": "Oslo"}',
            "gen_ai.tool.call.result": "cold",
        }
    )
    assert (span.kind, span.input, span.output) == ("tool", {"city": "Oslo"}, {"value": "cold"})


# ---- OpenInference


def test_openinference() -> None:
    span = read(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "gpt-4o",
            "llm.provider": "azure",
            "llm.system": "openai",
            "llm.token_count.prompt": 100,
            "llm.token_count.completion": 20,
            "llm.token_count.total": 120,
            "llm.token_count.prompt_details.cache_read": 64,
            "llm.token_count.completion_details.reasoning": 8,
            "llm.cost.total": 0.0015,
            "llm.invocation_parameters": '{"temperature": 0}',
            "input.value": '{"messages": ["raw"]}',
            "input.mime_type": "application/json",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "Look",
            "llm.input_messages.0.message.contents.1.message_content.type": "image",
            "llm.input_messages.0.message.contents.1.message_content.image.image.url": "https://x/y.png",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "get",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"a":1}',
            "session.id": "s",
            "user.id": "u",
            "tag.tags": ["a", "b"],
            "metadata": '{"k": 1}',
        },
        events=[Event("First Token Stream Event", START + 300, {})],
    )
    assert (span.kind, span.provider, span.request_model) == ("llm", "azure", "gpt-4o")
    assert span.usage == Usage(100, 20, 64, 0, 8)
    assert (span.cost_nano, span.ttft_us) == (1_500_000, 300)
    assert (span.session_id, span.user_id, span.tags) == ("s", "u", ["a", "b"])
    assert span.input is not None
    assert span.output is not None
    assert span.input["messages"][0]["content"] == [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
    ]
    assert span.output["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get"
    assert span.attributes["metadata"] == '{"k": 1}'


def test_openinference_retrievals_and_embeddings() -> None:
    found = read(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "what?",
            "input.mime_type": "text/plain",
            "retrieval.documents.1.document.content": "second",
            "retrieval.documents.0.document.content": "first",
            "retrieval.documents.0.document.score": 0.5,
        }
    )
    assert (found.kind, found.input) == ("retriever", {"value": "what?"})
    assert found.output == {"documents": [{"content": "first", "score": 0.5}, {"content": "second"}]}
    embedded = read(
        {
            "openinference.span.kind": "EMBEDDING",
            "embedding.model_name": "e5",
            "embedding.embeddings.0.embedding.text": "hello",
            "embedding.embeddings.0.embedding.vector": [0.1] * 1000,
        }
    )
    assert (embedded.kind, embedded.request_model, embedded.input) == ("embedding", "e5", {"input": ["hello"]})
    assert embedded.attributes == {}


def test_plain_text_stays_text_whatever_it_looks_like() -> None:
    assert read({"input.value": "[1]", "input.mime_type": "text/plain"}).input == {"value": "[1]"}
    assert read({"input.value": "[1]"}).input == {"value": [1]}


# ---- Langfuse


def langfuse(**attributes: Any) -> Span:
    given = {f"langfuse.observation.{name}": value for name, value in attributes.items()}
    return read({"langfuse.observation.type": "generation", **given}, scope="langfuse-sdk")


def test_langfuse() -> None:
    span = read(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.model.name": "gpt-4o",
            "langfuse.observation.model.parameters": '{"temperature": 0}',
            "langfuse.observation.input": '[{"role": "user", "content": "Hi"}]',
            "langfuse.observation.output": '{"role": "assistant", "content": "Hello"}',
            "langfuse.observation.completion_start_time": '"2023-11-14T22:13:20.000400Z"',
            "langfuse.observation.usage_details": '{"input": 10, "output": 5, "total": 15}',
            "langfuse.observation.cost_details": '{"input": 0.001, "output": 0.002}',
            "langfuse.observation.prompt.name": "greet",
            "langfuse.observation.prompt.version": 3,
            "langfuse.observation.metadata.k": '"text in text"',
            "langfuse.trace.metadata.feature": "chat",
            "langfuse.trace.tags": ["a"],
            "langfuse.environment": "prod",
            "langfuse.release": "v7",
            "user.id": "u",
            "session.id": "s",
        },
        scope="langfuse-sdk",
    )
    assert (span.source, span.kind, span.request_model, span.prompt) == ("langfuse", "llm", "gpt-4o", "greet@3")
    assert (span.usage, span.cost_nano, span.ttft_us) == (Usage(10, 5), 3_000_000, 400)
    assert (span.environment, span.release, span.feature, span.tags) == ("prod", "v7", "chat", ["a"])
    assert (span.user_id, span.session_id) == ("u", "s")
    assert span.input == {"messages": [{"role": "user", "content": "Hi"}]}
    assert span.output == {"role": "assistant", "content": "Hello"}
    assert span.attributes["langfuse.observation.metadata.k"] == "text in text"


@pytest.mark.parametrize(
    ("details", "usage"),
    [
        ({"prompt_tokens": 100, "completion_tokens": 9, "total_tokens": 109,
          "prompt_tokens_details": {"cached_tokens": 64}, "completion_tokens_details": {"reasoning_tokens": 4}},
         Usage(100, 9, 64, 0, 4)),
        ({"input_tokens": 100, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 64},
          "output_tokens_details": {"reasoning_tokens": 4}}, Usage(100, 9, 64, 0, 4)),
        ({"input": 36, "input_cached_tokens": 64, "output": 5, "output_reasoning_tokens": 4}, Usage(100, 9, 64, 0, 4)),
        ({"input_tokens": 20, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 16, "output_tokens": 9},
         Usage(100, 9, 64, 16)),
        ({"input": 7}, Usage(7, 0)),
        ({"total": 7}, Usage(7, 0)),
        ({"input": "many", "x": -1}, None),
        ([1], None),
    ],
)  # fmt: skip
def test_cached_tokens_count_once_whoever_counts_them(details: Any, usage: Usage | None) -> None:
    span = langfuse(usage_details=json.dumps(details))
    assert span.usage == usage
    assert ("langfuse.observation.usage_details" in span.attributes) == (usage is None)


def test_the_level_of_an_observation_says_whether_it_failed() -> None:
    failed = langfuse(level="ERROR", status_message="no such city")
    assert (failed.status, failed.error_code, failed.error_message) == ("error", "error", "no such city")
    warned = langfuse(level="WARNING", status_message="hm")
    assert warned.status == "ok"
    assert warned.attributes["langfuse.observation.level"] == "WARNING"
    assert warned.attributes["langfuse.observation.status_message"] == "hm"


# ---- of any span


def test_an_exception_is_the_error() -> None:
    raised = Event("exception", START, {"exception.type": "ValueError", "exception.message": "no"})
    span = read({}, failed=True, events=[raised])
    assert (span.status, span.error_code, span.error_message) == ("error", "ValueError", "no")
    assert "ValueError" in str(span.attributes["otel.events"])
    assert read({"error.type": "x"}).attributes == {"error.type": "x"}


def test_what_resource_and_scope_say() -> None:
    span = read(
        {},
        resource={"service.name": "shop", "service.version": "1.2", "deployment.environment": "prod", "process.pid": 7},
        scope="lib",
    )
    assert (span.kind, span.release, span.environment) == ("chain", "1.2", "prod")
    assert span.attributes == {
        "service.name": "shop", "service.version": "1.2", "deployment.environment": "prod", "otel.scope.name": "lib"
    }  # fmt: skip


def test_nothing_is_lost_that_cannot_be_understood() -> None:
    odd: dict[str, Any] = {
        "gen_ai.usage.input_tokens": -5, "gen_ai.usage.output_tokens": 2**70, "openinference.span.kind": "NEW",
        "nested": {"a": [1, {"b": None}]}, "mixed": [1, "a"], "long": "x" * 9000, "llm.input_messages.x.y": 1,
    }  # fmt: skip
    span = read(odd)
    assert (span.kind, span.usage) == ("chain", None)
    assert span.attributes["gen_ai.usage.input_tokens"] == -5
    assert span.attributes["openinference.span.kind"] == "NEW"
    assert span.attributes["nested"] == '{"a":[1,{"b":null}]}'
    assert span.attributes["mixed"] == '[1,"a"]'
    assert str(span.attributes["long"]).endswith("(1000 more)")
    assert span.attributes["llm.input_messages.x.y"] == 1


def test_attributes_are_bounded() -> None:
    span = read({f"k{number}": number for number in range(1000)})
    assert len(span.attributes) == 257
    assert span.attributes["otel.attributes_dropped"] == 744


def test_times_that_are_missing_are_the_other_one() -> None:
    assert read({}, end_us=0).end_us == START
    assert read({}, start_us=0).start_us == START + 1000


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.input.messages": '[{"role": 1, "parts": [{"type": "text", "content": {"a": 1}}, 7]}, 5]'},
        {"gen_ai.input.messages": "not json", "gen_ai.output.messages": 7},
        {"gen_ai.prompt.0." + "a." * 5000 + "b": "deep"},
        {"llm.input_messages.0.message.tool_calls.0.tool_call": "text", "llm.input_messages.0.message.contents.0": 1},
        {"langfuse.observation.input": "[" * 100_000, "langfuse.observation.output": '"\\ud800"'},
        {"langfuse.observation.completion_start_time": "yesterday", "langfuse.trace.tags": '{"a": 1}'},
        {"gen_ai.usage.cost": float("nan"), "gen_ai.response.time_to_first_chunk": float("inf")},
        {"gen_ai.usage.cost": "1e999", "llm.cost.prompt": [], "gen_ai.usage.input_tokens": float("inf")},
        {"gen_ai.request.model": ["a"], "user.id": 7, "session.id": {"a": 1}, "openinference.span.kind": True},
    ],
)
def test_hostile_attributes_make_a_span_all_the_same(attributes: dict[str, Any]) -> None:
    assert read(attributes).name == "step"
