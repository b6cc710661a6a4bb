"""Responses requests as chats: what each item and field becomes, what is refused, and that nothing crashes."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.dialects.responses import parse_response_request, response_request
from pilothouse.gateway.dialects.responses_items import continued, full_items, messages_of, owned_by, sealed
from pilothouse.types import ChatRequest, Json


def chat_of(**body: Any) -> Json:
    request = response_request({"model": "m", "input": "Hi", **body})
    assert request.translated is not None
    return request.translated.body


def test_the_smallest_request() -> None:
    assert chat_of() == {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def test_fields_that_a_chat_says_otherwise() -> None:
    schema = {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}
    chat = chat_of(
        instructions="S", max_output_tokens=9, temperature=0.5, top_p=0.9, user="u", safety_identifier="s",
        reasoning={"effort": "low", "summary": "auto"}, text={"format": schema, "verbosity": "low"}, store=True,
        metadata={"a": "b"}, include=["reasoning.encrypted_content"], stream=True, truncation="auto",
        stream_options={"include_obfuscation": False}, thinking={"type": "enabled"},
    )  # fmt: skip
    assert chat == {
        "model": "m",
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}],
        "max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "user": "u", "safety_identifier": "s",
        "reasoning_effort": "low", "verbosity": "low", "stream": True, "thinking": {"type": "enabled"},
        "response_format": {
            "type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True}
        },
    }  # fmt: skip


def test_tools_and_their_choice() -> None:
    function = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object"}, "strict": None}
    chat = chat_of(tools=[function], tool_choice={"type": "function", "name": "f"}, parallel_tool_calls=False)
    assert chat["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
    ]
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert chat["parallel_tool_calls"] is False
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "f"}]}
    assert chat_of(tools=[function], tool_choice=allowed)["tool_choice"] == {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }
    assert "tool_choice" not in chat_of(tools=[], tool_choice="auto", parallel_tool_calls=True)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"tools": [{"type": "web_search"}]}, "tools[0] (web_search)"),
        ({"tools": [{"type": "function", "name": "f"}], "tool_choice": {"type": "mcp"}}, "tool_choice"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"input": [{"type": "computer_call", "id": "c"}]}, "input[0] (computer_call)"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
         "input[0].content[0] (input_image)"),
        ({"input": [{"id": "msg_1"}]}, "input[0] (item_reference)"),
    ],
)  # fmt: skip
def test_what_no_chat_can_say_is_named(body: Json, place: str) -> None:
    assert response_request({"model": "m", "input": "Hi", **body}).unsaid == (place,)


def test_what_the_assistant_did_in_a_row_is_one_message() -> None:
    items = [
        {"role": "user", "content": "Q"},
        {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "Hm"}],
         "encrypted_content": sealed("p", [{"type": "thinking", "signature": "s"}])},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}",
         "extra_content": {"by": "p", "google": {"thought_signature": "t"}}},
        {"type": "function_call", "call_id": "2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "one"},
        {"type": "function_call_output", "call_id": "2", "output": [{"type": "input_text", "text": "two"}]},
        {"type": "message", "role": "assistant", "content": "B"},
    ]  # fmt: skip
    messages, unsaid = messages_of(items)
    assert unsaid == []
    calls: list[Json] = [{"id": n, "type": "function", "function": {"name": "f", "arguments": "{}"}} for n in "12"]
    signed = [{**calls[0], "extra_content": {"google": {"thought_signature": "t"}}}, calls[1]]
    said = {"role": "assistant", "content": "A"}
    rest = [
        {"role": "tool", "tool_call_id": "1", "content": "one"},
        {"role": "tool", "tool_call_id": "2", "content": "two"},
        {"role": "assistant", "content": "B"},
    ]
    question = {"role": "user", "content": "Q"}
    thought = {"reasoning_content": "Hm", "thinking_blocks": [{"type": "thinking", "signature": "s"}]}
    assert owned_by(messages, "p") == [question, {**said, "tool_calls": signed, **thought}, *rest]
    assert owned_by(messages, "other") == [question, {**said, "tool_calls": calls}, *rest]


def test_thinking_that_others_encrypted_is_read_over() -> None:
    for content in ("gAAAA", "pilothouse.", "pilothouse.e30=", "pilothouse.////", None):
        assert messages_of([{"type": "reasoning", "summary": [], "encrypted_content": content}]) == ([], [])


def test_parts() -> None:
    parts = [
        {"type": "input_text", "text": "T"},
        {"type": "input_image", "image_url": "https://x/y.png", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="},
        {"type": "input_file", "file_url": "https://x/a.pdf"},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
    ]
    (message,) = chat_of(input=[{"role": "user", "content": parts}])["messages"]
    assert message["content"] == [
        {"type": "text", "text": "T"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,QQ=="}},
        {"type": "file", "file": {"file_data": "https://x/a.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mp3"}},
    ]


def test_full_items_have_an_id_a_type_and_parts() -> None:
    user, assistant, result = full_items(
        [
            {"role": "user", "content": "Q"},
            {"role": "assistant", "content": "A", "id": "msg_own"},
            {"type": "function_call_output", "call_id": "1", "output": "o"},
        ]
    )
    assert user["id"].startswith("msg_")
    assert user["content"] == [{"type": "input_text", "text": "Q"}]
    assert assistant["id"] == "msg_own"
    assert assistant["content"] == [{"type": "output_text", "text": "A", "annotations": []}]
    assert result["id"].startswith("fco_")
    assert {item["status"] for item in (user, assistant, result)} == {"completed"}


def test_a_continuation_carries_nothing_that_only_its_maker_could_look_up() -> None:
    annotated = {"type": "output_text", "text": "A", "annotations": [{"type": "file_citation"}], "logprobs": []}
    items: list[Json] = [
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "gA"},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [annotated]},
        {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "f", "arguments": "{}"},
    ]
    assert continued(items) == [
        items[1],
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "A", "annotations": []}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
    ]  # fmt: skip


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from([
    "message", "reasoning", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
    "item_reference", "function", "custom", "input_text", "input_image", "input_file", "refusal", "output_text",
])  # fmt: skip
names = st.sampled_from([
    "role", "content", "id", "call_id", "name", "arguments", "input", "output", "summary", "encrypted_content", "text",
    "image_url", "file_data", "parameters", "format", "description", "extra_content", "refusal", "status",
])  # fmt: skip
objects = st.builds(
    lambda kind, fields: {"type": kind, **fields},
    kinds | anything,
    st.dictionaries(
        names, anything | st.lists(st.builds(lambda k, t: {"type": k, "text": t}, kinds, anything)), max_size=5
    ),
)
bodies = st.fixed_dictionaries(
    {"model": st.just("m"), "input": st.lists(objects, max_size=4) | anything},
    optional={
        "tools": st.lists(objects, max_size=2) | anything, "tool_choice": objects | anything,
        "text": anything, "reasoning": anything, "include": anything, "instructions": anything,
        "previous_response_id": anything, "metadata": anything, "stream_options": anything,
        "context_management": anything,
    },
)  # fmt: skip


@given(bodies)
def test_a_malformed_request_is_refused_never_a_crash(body: Json) -> None:
    try:
        given_body = parse_response_request(msgspec.json.encode(body))
        request = response_request(given_body)
    except InvalidRequest:
        return
    assert isinstance(request, ChatRequest)
    items = full_items(given_body["input"]) if isinstance(given_body.get("input"), list) else []
    msgspec.json.encode(items)
    response_request({**given_body, "input": [*continued(items), {"role": "user", "content": "x"}]})
