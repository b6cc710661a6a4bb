"""The v2 chat translation, field by field, without a network."""

from typing import Any

import pytest

from pilothouse import errors
from pilothouse.providers.cohere_wire import ChatReader, to_chat
from pilothouse.providers.completion import Completion
from pilothouse.testing import chat_request
from pilothouse.types import Json, Usage

TOOL = {"type": "function", "function": {"name": "f", "description": "Does f.", "parameters": {"type": "object"}}}
OTHER = {"type": "function", "function": {"name": "g", "strict": True}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def sent(content: Any = "Hi", **fields: Any) -> Json:
    return to_chat(chat_request(content, **fields))


def test_parameters() -> None:
    body = sent(
        temperature=0, top_p=0.9, top_k=5, seed=7, stop="END", frequency_penalty=0.1, presence_penalty=0.2, user="u",
        documents=["d"], safety_mode="STRICT",
    )  # fmt: skip
    assert body == {
        "model": "wire-model", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "stream": False, "max_tokens": 64, "temperature": 0, "p": 0.9, "k": 5, "seed": 7, "frequency_penalty": 0.1,
        "presence_penalty": 0.2, "stop_sequences": ["END"], "documents": ["d"], "safety_mode": "STRICT",
    }  # fmt: skip
    assert sent(stream=True, k=9)["k"] == 9


def test_messages() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "See", "cache_control": {"type": "ephemeral"}}, image]},
        {"role": "assistant", "reasoning_content": "Plan.", "tool_plan": "Plan.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": text} for text in "12"]},
        {"role": "assistant", "content": "A", "reasoning_content": "Hm."},
    ]  # fmt: skip
    assert sent(messages=messages)["messages"] == [
        {"role": "system", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "user", "content": [{"type": "text", "text": "See"}, image]},
        {
            "role": "assistant",
            "tool_plan": "Plan.",
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "1\n2"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A"}]},
    ]


@pytest.mark.parametrize(
    ("part", "role"),
    [
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}}, "user"),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, "user"),
        ({"type": "image_url", "image_url": "https://example.com/a.png"}, "tool"),
    ],
)
def test_media_that_cohere_does_not_take(part: Json, role: str) -> None:
    with pytest.raises(errors.Unsupported) as caught:
        sent(messages=[{"role": "user", "content": "Hi"}, {"role": role, "tool_call_id": "x", "content": [part]}])
    assert caught.value.param == f"messages[1].content[0].{part['type']}"


@pytest.mark.parametrize(
    ("choice", "names", "made"),
    [
        (None, ["f", "g"], None),
        ("auto", ["f", "g"], None),
        ("none", ["f", "g"], "NONE"),
        ("required", ["f", "g"], "REQUIRED"),
        ({"type": "function", "function": {"name": "f"}}, ["f"], "REQUIRED"),
    ],
)
def test_tool_choice(choice: Any, names: list[str], made: str | None) -> None:
    body = sent(tools=[TOOL, OTHER], tool_choice=choice)
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert body.get("tool_choice") == made
    assert body.get("strict_tools") is (True if "g" in names else None)
    assert body["tools"][0] == TOOL


def test_a_tool_choice_of_no_known_shape() -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        sent(tools=[TOOL], tool_choice={"type": "any"})
    assert caught.value.param == "tool_choice"


def test_json_answers() -> None:
    assert sent(response_format={"type": "json_object"})["response_format"] == {"type": "json_object"}
    schema = {"type": "object", "required": ["n"]}
    wanted = sent(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert wanted["response_format"] == {"type": "json_object", "json_schema": schema}


@pytest.mark.parametrize(
    ("effort", "thinking"),
    [
        ("none", {"type": "disabled"}),
        ("low", {"type": "enabled", "token_budget": 1024}),
        ("high", {"type": "enabled"}),
    ],
)
def test_reasoning_effort(effort: str, thinking: Json) -> None:
    assert sent(reasoning_effort=effort)["thinking"] == thinking


def test_a_whole_answer() -> None:
    body = {
        "id": "r1", "finish_reason": "TOOL_CALL",
        "message": {
            "role": "assistant", "tool_plan": "I will f.", "citations": [{"start": 0, "end": 1, "text": "A"}],
            "content": [{"type": "thinking", "thinking": "Hm. "}, {"type": "text", "text": "A"}],
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        },
        "usage": {
            "billed_units": {"input_tokens": 5.0, "output_tokens": 418.0}, "cached_tokens": 4.0,
            "tokens": {"input_tokens": 71.0, "output_tokens": 418.0},
        },
    }  # fmt: skip
    chunk = ChatReader(Completion("m")).whole(body)
    choice = chunk.data["choices"][0]
    assert chunk.usage == Usage(5, 418, cached_tokens=4)
    assert chunk.data["id"] == "r1"
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "TOOL_CALL")
    assert choice["message"] == {
        "role": "assistant",
        "content": "A",
        "reasoning_content": "Hm. I will f.",
        "tool_plan": "I will f.",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        "citations": [{"start": 0, "end": 1, "text": "A"}],
    }


def test_usage_without_billed_units() -> None:
    body = {"id": "r", "finish_reason": "COMPLETE", "message": {"content": []}}
    counted = {**body, "usage": {"tokens": {"input_tokens": 3.0, "output_tokens": 2.0}}}
    assert ChatReader(Completion("m")).whole(counted).usage == Usage(3, 2)
    assert ChatReader(Completion("m")).whole({**body, "usage": {"billed_units": {}}}).usage is None
    unknown = {**body, "usage": {"billed_units": {"input_tokens": None}}}
    assert ChatReader(Completion("m")).whole(unknown).usage is None


def test_a_stream() -> None:
    def said(kind: str, **message: Any) -> Json:
        return {"type": kind, "delta": {"message": message}}

    events: list[Json] = [
        {"id": "r1", **said("message-start", role="assistant")},
        said("tool-plan-delta", tool_plan="I will"),
        said("tool-call-start", tool_calls={"id": "c1", "function": {"name": "f", "arguments": ""}}),
        said("tool-call-delta", tool_calls={"function": {"arguments": '{"x":1}'}}),
        {"type": "tool-call-end"},
        said("content-start", content={"type": "thinking", "thinking": ""}),
        said("content-delta", content={"thinking": "Hm."}),
        said("content-start", content={"type": "text", "text": ""}),
        said("content-delta", content={"text": "A"}),
        said("citation-start", citations={"start": 0, "end": 1}),
        {"type": "citation-end"},
        {"type": "debug", "prompt": "..."},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE"}},
    ]
    reader = ChatReader(Completion("m"))
    assert reader.end() is None
    chunks = [chunk for event in events for chunk in reader.feed(event)]
    last = reader.end()
    assert last is not None
    deltas = [chunk.data["choices"][0]["delta"] for chunk in [*chunks, *last]]
    call = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert deltas == [
        {"role": "assistant", "reasoning_content": "I will", "tool_plan": "I will"},
        {"tool_calls": [call]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"x":1}'}}]},
        {"reasoning_content": "Hm."},
        {"content": "A"},
        {"citations": [{"index": 0, "start": 0, "end": 1}]},
        {},
    ]
    assert reader.done


def test_the_result_of_a_tool_that_failed_says_so() -> None:
    def told(content: str) -> str:
        result = {"role": "tool", "tool_call_id": "c1", "content": content, "is_error": True}
        return str(sent(messages=[{"role": "user", "content": "Hi"}, result])["messages"][1]["content"])

    assert told("no such file") == "Error: no such file"
    assert told("<tool_use_error>no</tool_use_error>") == "<tool_use_error>no</tool_use_error>"
