"""The Converse translation, field by field, without a network."""

from typing import Any

import msgspec
import pytest

from pilothouse import errors
from pilothouse.providers.bedrock_wire import ConverseReader, to_converse
from pilothouse.providers.claude import JSON_INSTRUCTION
from pilothouse.providers.completion import Completion
from pilothouse.testing import chat_request
from pilothouse.types import Json, Usage

CACHE = {"type": "ephemeral"}
TEXT_B = {"type": "text", "text": "B"}
POINT = {"cachePoint": {"type": "default"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}, "strict": True}}
SPEC = {"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}, "strict": True}}
CALL = {"id": "c/1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}


def sent(content: Any = "Hi", **fields: Any) -> Json:
    return to_converse(chat_request(content, **fields))


def parts(*content: Json) -> list[Json]:
    return sent(list(content))["messages"][0]["content"]


def test_parameters() -> None:
    body = sent(temperature=0.0, top_p=0.9, stop=["A", "B"], service_tier="flex", metadata={"team": "x"}, seed=7)
    assert body["inferenceConfig"] == {"maxTokens": 64, "temperature": 0.0, "topP": 0.9, "stopSequences": ["A", "B"]}
    assert body["serviceTier"] == {"type": "flex"}
    assert body["requestMetadata"] == {"team": "x"}
    assert "inferenceConfig" not in sent(max_tokens=None)


def test_converses_own_fields_stay_and_the_models_own_go_along() -> None:
    guard = {"guardrailIdentifier": "g", "guardrailVersion": "1"}
    body = sent(
        guardrailConfig=guard, inferenceConfig={"topP": 0.1}, top_k=3, thinking={"type": "disabled"},
        additionalModelRequestFields={"x": 1},
    )  # fmt: skip
    assert body["guardrailConfig"] == guard
    assert body["inferenceConfig"] == {"maxTokens": 64, "topP": 0.1}
    assert body["additionalModelRequestFields"] == {"top_k": 3, "thinking": {"type": "disabled"}, "x": 1}
    assert not body.keys() & {"top_k", "thinking", "model"}


def test_system_and_cache_points() -> None:
    messages = [
        {"role": "system", "content": [{"type": "text", "text": "Long.", "cache_control": {**CACHE, "ttl": "1h"}}]},
        {"role": "developer", "content": "Short."},
        {"role": "user", "content": [{"type": "text", "text": "A", "cache_control": CACHE}, TEXT_B]},
        {"role": "assistant", "content": "C", "cache_control": CACHE},
        {"role": "user", "content": [{"type": "text", "text": "D"}], "cache_control": CACHE},
    ]  # fmt: skip
    body = sent(messages=messages, tools=[{**TOOL, "cache_control": CACHE}])
    assert body["system"] == [
        {"text": "Long."},
        {"cachePoint": {"type": "default", "ttl": "1h"}},
        {"text": "Short."},
    ]
    assert [message["content"] for message in body["messages"]] == [
        [{"text": "A"}, POINT, {"text": "B"}],
        [{"text": "C"}, POINT],
        [{"text": "D"}, POINT],
    ]
    assert body["toolConfig"]["tools"] == [SPEC, POINT]


def test_media() -> None:
    made = parts(
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "data:image/jpg;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "s3://bucket/a.PNG"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "q3 report_v2.pdf"}},
        {"type": "file", "file": {"file_data": "data:application/octet-stream;base64,AA==", "filename": "a.docx"}},
        {"type": "file", "file": {"file_data": "data:text/csv;base64,AA=="}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}},
    )
    assert made[1:] == [
        {"image": {"format": "jpeg", "source": {"bytes": "AAAA"}}},
        {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.PNG"}}}},
        {"audio": {"format": "mp3", "source": {"bytes": "AA=="}}},
        {"document": {"format": "pdf", "name": "q3 report v2 0-4", "source": {"bytes": "AA=="}}},
        {"document": {"format": "docx", "name": "a 0-5", "source": {"bytes": "AA=="}}},
        {"document": {"format": "csv", "name": "document 0-6", "source": {"bytes": "AA=="}}},
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/v.mp4"}}}},
    ]


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/tiff;base64,AAAA"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/zip;base64,AAAA"}},
    ],
)
def test_media_that_bedrock_does_not_take(part: Json) -> None:
    with pytest.raises(errors.Unsupported) as caught:
        parts(part)
    assert caught.value.param == f"messages[0].content[0].{part['type']}"


def test_tool_use_and_results() -> None:
    messages = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {"role": "tool", "tool_call_id": "c/1", "content": "1"},
        {"role": "tool", "tool_call_id": "c2", "content": "no", "is_error": True},
        {"role": "user", "content": "So?"},
    ]
    body = sent(messages=messages, tools=[TOOL])
    use = {"name": "f", "input": {"x": 1}}
    assert body["messages"][1]["content"] == [
        {"toolUse": {"toolUseId": "c_1", **use}},
        {"toolUse": {"toolUseId": "c2", **use}},
    ]
    assert body["messages"][2]["content"] == [
        {"toolResult": {"toolUseId": "c_1", "content": [{"text": "1"}]}},
        {"toolResult": {"toolUseId": "c2", "content": [{"text": "no"}], "status": "error"}},
        {"text": "So?"},
    ]


def test_a_tool_that_failed_without_a_word_has_one() -> None:
    result = {"role": "tool", "tool_call_id": "c/1", "content": " ", "is_error": True}
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CALL]}, result]
    (block,) = sent(messages=messages, tools=[TOOL])["messages"][-1]["content"]
    assert block["toolResult"]["status"] == "error"
    assert block["toolResult"]["content"][0]["text"]


@pytest.mark.parametrize(
    ("choice", "made"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        ({"type": "function", "function": {"name": "f"}}, {"tool": {"name": "f"}}),
        ({"any": {}}, {"any": {}}),
    ],
)
def test_tool_choice(choice: Any, made: Json | None) -> None:
    assert sent(tools=[TOOL], tool_choice=choice)["toolConfig"].get("toolChoice") == made


def test_no_tools_is_no_tool_config_unless_the_conversation_used_some() -> None:
    assert "toolConfig" not in sent(tools=[TOOL], tool_choice="none")
    used = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c/1", "content": "1"},
    ]
    with pytest.raises(errors.Unsupported) as caught:
        sent(messages=used, tools=[TOOL], tool_choice="none")
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level", "limit"),
    [
        ("eu.anthropic.claude-opus-4-7", "xhigh", {"type": "adaptive", "display": "summarized"}, "xhigh", None),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "low", {"type": "enabled", "budget_tokens": 1024}, None, 16384),
        ("anthropic.claude-opus-4-7", "none", {"type": "disabled"}, None, None),
        ("openai.gpt-oss-120b-1:0", "minimal", None, "low", None),
        ("amazon.nova-2-lite-v1:0", "none", None, None, None),
    ],
)
def test_reasoning_effort(model: str, effort: str, thinking: Json | None, level: str | None, limit: int | None) -> None:
    body = sent(model=model, reasoning_effort=effort, max_tokens=None)
    assert body.get("additionalModelRequestFields", {}).get("thinking") == thinking
    assert body.get("outputConfig", {}).get("effort") == level
    assert body.get("inferenceConfig", {}).get("maxTokens") == limit


def test_json_answers() -> None:
    assert sent(response_format={"type": "json_object"})["system"] == [{"text": JSON_INSTRUCTION}]
    wanted = {"name": "x", "description": "An x.", "schema": {"type": "object", "properties": {}}}
    made = sent(response_format={"type": "json_schema", "json_schema": wanted})["outputConfig"]["textFormat"]
    schema = made["structure"]["jsonSchema"]
    assert (made["type"], schema["name"], schema["description"]) == ("json_schema", "x", "An x.")
    assert msgspec.json.decode(schema["schema"])["additionalProperties"] is False


def test_thinking_goes_back_in_bedrocks_shape() -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "redacted_thinking", "data": "ZA=="},
        {"type": "unknown"},
    ]
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "A", "thinking_blocks": blocks}]
    assert sent(messages=messages)["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "ZA=="}},
        {"text": "A"},
    ]


def test_what_it_lacks() -> None:
    for field, value in {"frequency_penalty": 1, "logprobs": True, "n": 3}.items():
        with pytest.raises(errors.Unsupported) as caught:
            sent(**{field: value})
        assert caught.value.param == field


def test_a_whole_answer() -> None:
    cited = {"content": [{"text": "B"}], "citations": [{"title": "T"}]}
    body = {
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "s"}}},
            {"reasoningContent": {"redactedContent": "ZA=="}},
            {"text": "A"},
            {"citationsContent": cited},
            {"toolUse": {"toolUseId": "s1", "name": "w", "input": {}, "type": "server_tool_use"}},
            {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"x": 1}}},
        ]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 1, "outputTokens": 9, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 300},
    }  # fmt: skip
    chunk = ConverseReader(Completion("m")).whole(body)
    choice = chunk.data["choices"][0]
    assert chunk.usage == Usage(321, 9, cached_tokens=20, cache_write_tokens=300)
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "tool_use")
    assert choice["message"] == {
        "role": "assistant",
        "content": "AB",
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}],
        "thinking_blocks": [
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "ZA=="},
        ],
        "citations": [{"title": "T"}],
    }


def test_a_stream() -> None:
    def delta(index: int, **said: Any) -> Json:
        return {"contentBlockDelta": {"delta": said, "contentBlockIndex": index}}

    def start(index: int, **use: Any) -> Json:
        return {"contentBlockStart": {"start": {"toolUse": use}, "contentBlockIndex": index}}

    stop: Json = {"contentBlockStop": {"contentBlockIndex": 0}}
    events: list[Json] = [
        {"messageStart": {"role": "assistant"}},
        delta(0, reasoningContent={"text": "Hm"}),
        delta(0, reasoningContent={"text": "."}),
        delta(0, reasoningContent={"signature": "s"}),
        stop,
        delta(1, reasoningContent={"redactedContent": "ZA=="}),
        stop,
        start(2, toolUseId="s", name="w", type="server_tool_use"),
        delta(2, toolUse={"input": "{}"}),
        stop,
        delta(3, text="A"),
        delta(3, citation={"title": "T"}),
        stop,
        start(4, toolUseId="t", name="f"),
        delta(4, toolUse={"input": '{"x"'}),
        delta(4, toolUse={"input": ":1}"}),
        stop,
        {"messageStop": {"stopReason": "tool_use"}},
        {"somethingNew": {}},
    ]
    reader = ConverseReader(Completion("m"))
    assert reader.end() is None
    chunks = [chunk for event in events for chunk in reader.feed(event)]
    deltas = [chunk.data["choices"][0]["delta"] for chunk in chunks]
    assert [block for d in deltas for block in d.get("thinking_blocks", ())] == [
        {"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"index": 1, "type": "redacted_thinking", "data": "ZA=="},
    ]
    assert [d["citations"][0]["title"] for d in deltas if "citations" in d] == ["T"]
    calls = [call for d in deltas for call in d.get("tool_calls", ())]
    assert calls[0]["id"] == "t"
    assert "".join(call["function"]["arguments"] for call in calls) == '{"x":1}'
    assert not reader.done
    reader.feed({"metadata": {"usage": {"inputTokens": 1, "outputTokens": 2}}})
    assert reader.done
    last = reader.end()
    assert last is not None
    assert (last[0].finish_reason, last[1].usage) == ("tool_calls", Usage(1, 2))


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("guardrail_intervened", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("stop_sequence", "stop"),
    ],
)
def test_stop_reasons(native: str, reason: str) -> None:
    body = {"output": {"message": {"content": []}}, "stopReason": native}
    assert ConverseReader(Completion("m")).whole(body).finish_reason == reason
