"""The Messages translation, field by field, without a network."""

from typing import Any

import pytest

from pilothouse import errors
from pilothouse.providers.anthropic_wire import MessagesReader, to_messages
from pilothouse.providers.claude import JSON_INSTRUCTION
from pilothouse.providers.completion import Completion
from pilothouse.testing import chat_request
from pilothouse.types import Json, Usage

PDF = "data:application/pdf;base64,JVBERi0="
CACHE = {"type": "ephemeral", "ttl": "1h"}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def sent(content: Any = "Hi", **fields: Any) -> Json:
    return to_messages(chat_request(content, **fields), 500)


def parts(*content: Json) -> list[Json]:
    return sent(list(content))["messages"][0]["content"]


def read(*events: Json) -> list[Json]:
    """The deltas of a stream."""
    reader = MessagesReader(Completion("m"))
    chunks = [chunk for event in events for chunk in reader.feed(event)] + (reader.end() or [])
    return [chunk.data["choices"][0] for chunk in chunks if chunk.data["choices"]]


def test_the_limit_is_the_callers_or_the_default() -> None:
    assert sent()["max_tokens"] == 64
    assert sent(max_tokens=None)["max_tokens"] == 500
    assert sent(max_tokens=1, max_completion_tokens=2)["max_tokens"] == 2


def test_system_and_developer_messages_are_gathered_in_order() -> None:
    messages = [
        {"role": "system", "content": "One."},
        {"role": "user", "content": "Hi"},
        {"role": "developer", "content": [{"type": "text", "text": "Two.", "cache_control": CACHE}]},
    ]
    body = sent(messages=messages)
    assert body["system"] == [
        {"type": "text", "text": "One."},
        {"type": "text", "text": "Two.", "cache_control": CACHE},
    ]
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_media() -> None:
    data = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    web = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    pdf = {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}
    text = {"type": "file", "file": {"file_data": "data:text/markdown;base64,IyBIaQ=="}}
    stored = {"type": "file", "file": {"file_id": "file_1"}}
    assert [block["source"] for block in parts(data, web, pdf, text, stored)] == [
        {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        {"type": "url", "url": "https://example.com/a.png"},
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        {"type": "text", "media_type": "text/plain", "data": "# Hi"},
        {"type": "file", "file_id": "file_1"},
    ]
    assert parts(pdf)[0] | {"source": None} == {"type": "document", "title": "a.pdf", "source": None}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,AA=="}},
    ],
)
def test_media_that_anthropic_does_not_take(part: Json) -> None:
    with pytest.raises(errors.Unsupported) as caught:
        parts(part)
    assert caught.value.param == f"messages[0].content[0].{part['type']}"


def test_cache_control_survives_wherever_it_stands() -> None:
    tool = {**TOOL, "cache_control": CACHE}
    body = sent(
        messages=[
            {"role": "user", "content": "Hi", "cache_control": CACHE},
            {"role": "assistant", "content": [{"type": "text", "text": "A", "cache_control": CACHE}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": "https://x/y", "cache_control": CACHE}]},
        ],
        tools=[tool],
        cache_control=CACHE,
    )  # fmt: skip
    blocks = [block for message in body["messages"] for block in message["content"]]
    assert [block["cache_control"] for block in [*blocks, *body["tools"]]] == [CACHE] * 4
    assert body["cache_control"] == CACHE


def test_parts_and_tools_of_its_own_pass_untouched() -> None:
    own = {"type": "search_result", "source": "s", "title": "t", "content": []}
    server = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    assert parts(own) == [own]
    body = sent(tools=[server, TOOL], tool_choice={"type": "any"})
    assert body["tools"][1] == server
    assert body["tool_choice"] == {"type": "any"}


def test_tool_results_share_one_message_with_the_text_that_follows() -> None:
    calls = [{"id": f"c:{n}", "type": "function", "function": {"name": "f", "arguments": ""}} for n in (1, 2)]
    body = sent(
        messages=[
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "c:1", "content": ""},
            {"role": "tool", "tool_call_id": "c:2", "content": "no", "is_error": True},
            {"role": "user", "content": "Well?"},
        ]
    )
    assert body["messages"][1]["content"][0] == {"type": "tool_use", "id": "c_1", "name": "f", "input": {}}
    assert body["messages"][2]["content"] == [
        {"type": "tool_result", "tool_use_id": "c_1"},
        {
            "type": "tool_result",
            "tool_use_id": "c_2",
            "content": [{"type": "text", "text": "no"}],
            "is_error": True,
        },
        {"type": "text", "text": "Well?"},
    ]


def test_thinking_blocks_go_back_as_they_came_and_first() -> None:
    blocks = [
        {"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"index": 1, "type": "redacted_thinking", "data": "d"},
        {"type": "thinking", "thinking": "Of a model that signs nothing."},
    ]
    answer = {"role": "assistant", "content": "A", "reasoning_content": "Hm.", "thinking_blocks": blocks}
    body = sent(messages=[{"role": "user", "content": "Hi"}, answer])
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "A"},
    ]


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False},
            {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_tool_choice(fields: Json, choice: Json | None) -> None:
    assert sent(tools=[TOOL], **fields).get("tool_choice") == choice
    assert "tool_choice" not in sent(**fields)


def test_json_mode_is_an_instruction_and_a_schema_is_native() -> None:
    assert sent(response_format={"type": "json_object"})["system"] == [{"type": "text", "text": JSON_INSTRUCTION}]
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]}
    body = sent(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        reasoning_effort="max",
    )
    assert body["output_config"] == {
        "effort": "max",
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {"n": {"type": "integer", "description": "(minimum: 1)"}},
                "required": ["n"],
                "additionalProperties": False,
            },
        },
    }
    assert body["thinking"]["type"] == "adaptive"


def test_what_has_no_counterpart_is_mapped_dropped_or_refused() -> None:
    body = sent(user="u1", seed=7, store=True, metadata={"team": "x"}, service_tier="default", verbosity="low", n=1)
    assert body["metadata"] == {"user_id": "u1"}
    assert body["service_tier"] == "standard_only"
    assert not body.keys() & {"user", "seed", "store", "verbosity", "n"}
    for field, value in {"n": 2, "logprobs": True, "presence_penalty": 0.5, "modalities": ["audio"]}.items():
        with pytest.raises(errors.Unsupported) as caught:
            sent(**{field: value})
        assert caught.value.param == field


def test_its_own_fields_win() -> None:
    own = {"thinking": {"type": "between_tools"}, "top_k": 3, "output_config": {"effort": "low"}, "container": "c"}
    body = sent(reasoning_effort="high", **own)
    assert {name: body[name] for name in own} == own


def test_roles_it_does_not_have() -> None:
    with pytest.raises(errors.Unsupported) as caught:
        sent(messages=[{"role": "function", "name": "f", "content": "x"}])
    assert caught.value.param == "messages[0].role"


def test_a_whole_answer() -> None:
    body = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "stop_reason": "tool_use",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "text", "text": "A", "citations": [{"type": "char_location", "cited_text": "q"}]},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {"x": 1}},
        ],
        "usage": {
            "input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300, "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 4},
        },
    }  # fmt: skip
    chunk = MessagesReader(Completion("m")).whole(body)
    choice = chunk.data["choices"][0]
    assert chunk.usage == Usage(321, 9, cached_tokens=20, cache_write_tokens=300, reasoning_tokens=4)
    assert (chunk.data["id"], chunk.data["model"]) == ("msg_1", "claude-x")
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "tool_use")
    assert choice["message"] == {
        "role": "assistant",
        "content": "A",
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        "thinking_blocks": body["content"][:2],
        "citations": [{"type": "char_location", "cited_text": "q"}],
    }


@pytest.mark.parametrize(
    ("native", "reason"),
    [("pause_turn", "length"), ("model_context_window_exceeded", "length"), ("stop_sequence", "stop"), ("new", "stop")],
)
def test_stop_reasons(native: str, reason: str) -> None:
    body = {"id": "i", "model": "m", "content": [], "stop_reason": native}
    choice = MessagesReader(Completion("m")).whole(body).data["choices"][0]
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (reason, native)


def test_a_stream_of_every_kind_of_block() -> None:
    def block(index: int, start: Json, *deltas: Json) -> list[Json]:
        return [
            {"type": "content_block_start", "index": index, "content_block": start},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    choices = read(
        {"type": "message_start", "message": {"id": "i", "model": "m", "usage": {"input_tokens": 5}}},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm"},
            {"type": "thinking_delta", "thinking": "."},
            {"type": "signature_delta", "signature": "s"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "d"}),
        *block(2, {"type": "server_tool_use", "id": "s", "name": "w", "input": {}},
               {"type": "input_json_delta", "partial_json": "{}"}),
        *block(3, {"type": "text", "text": ""}, {"type": "text_delta", "text": "A"},
               {"type": "citations_delta", "citation": {"cited_text": "q"}}),
        *block(4, {"type": "tool_use", "id": "t", "name": "f", "input": {}},
               {"type": "input_json_delta", "partial_json": '{"x"'},
               {"type": "input_json_delta", "partial_json": ":1}"}),
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
        {"type": "an_event_of_next_year"},
    )  # fmt: skip
    deltas = [choice["delta"] for choice in choices]
    assert deltas[0] == {"role": "assistant", "reasoning_content": "Hm"}
    assert [block for delta in deltas for block in delta.get("thinking_blocks", ())] == [
        {"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"index": 1, "type": "redacted_thinking", "data": "d"},
    ]
    assert "".join(delta.get("content", "") for delta in deltas) == "A"
    assert [delta["citations"] for delta in deltas if "citations" in delta] == [[{"index": 0, "cited_text": "q"}]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [call["index"] for call in calls] == [0, 0, 0]
    assert "".join(call["function"]["arguments"] for call in calls) == '{"x":1}'


def test_a_refusal_says_why() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "No malware."}
    stop = {"stop_reason": "refusal", "stop_details": details}
    body = {"id": "i", "model": "m", "content": [], **stop}
    assert MessagesReader(Completion("m")).whole(body).data["choices"][0]["message"]["refusal"] == "No malware."
    start = {"type": "message_start", "message": {"id": "i", "model": "m"}}
    last = read(start, {"type": "message_delta", "delta": stop}, {"type": "message_stop"})[-1]
    assert (last["finish_reason"], last["delta"]["refusal"]) == ("content_filter", "No malware.")


def test_the_counts_of_a_stream_are_cumulative() -> None:
    reader = MessagesReader(Completion("m"))
    first = {"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 1}
    for event in (
        {"type": "message_start", "message": {"id": "i", "model": "m", "usage": first}},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 4}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"input_tokens": None, "output_tokens": 9},
        },
        {"type": "message_stop"},
    ):
        reader.feed(event)
    last = reader.end()
    assert last is not None
    assert last[-1].usage == Usage(12, 9, cached_tokens=7)
    assert last[-1].usage_only
