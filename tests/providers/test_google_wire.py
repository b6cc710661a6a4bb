"""The generateContent translation, field by field, without a network."""

from typing import Any

import pytest

from pilothouse import errors
from pilothouse.providers.completion import Completion
from pilothouse.providers.google_wire import ContentReader, to_contents
from pilothouse.testing import chat_request
from pilothouse.types import Json, Usage

TOOL = {"type": "function", "function": {"name": "f", "description": "Does f.", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
SIGNED = {**CALL, "extra_content": {"google": {"thought_signature": "c2ln"}}}


def sent(content: Any = "Hi", **fields: Any) -> Json:
    return to_contents(chat_request(content, **fields))


def parts(*content: Json) -> list[Json]:
    return sent(list(content))["contents"][0]["parts"]


def conversation(call: Json, result: str, **more: Any) -> list[Json]:
    return [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": result, **more},
    ]


def test_generation_config() -> None:
    body = sent(
        max_tokens=5, temperature=0, top_p=0.5, top_k=3, seed=7, presence_penalty=0.1, frequency_penalty=0.2,
        stop="END", generationConfig={"candidateCount": 1, "seed": 8}, safetySettings=[{"category": "C"}],
        cachedContent="cc",
    )  # fmt: skip
    assert body["generationConfig"] == {
        "maxOutputTokens": 5, "temperature": 0, "topP": 0.5, "topK": 3, "seed": 8, "presencePenalty": 0.1,
        "frequencyPenalty": 0.2, "stopSequences": ["END"], "candidateCount": 1,
    }  # fmt: skip
    assert (body["safetySettings"], body["cachedContent"]) == ([{"category": "C"}], "cc")
    assert "top_k" not in body


def test_system_turns_and_neighbours() -> None:
    body = sent(
        messages=[
            {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
            {"role": "user", "content": "One"},
            {"role": "user", "content": "Two"},
            {"role": "assistant", "content": ""},
            {"role": "assistant", "content": "Three"},
        ]
    )
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "One"}, {"text": "Two"}]},
        {"role": "model", "parts": [{"text": "Three"}]},
    ]


def test_media() -> None:
    assert parts(
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.webp?x=1"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA=="}},
        {"type": "file", "file": {"file_id": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        {"videoMetadata": {"fps": 1}},
    ) == [
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
        {"fileData": {"mimeType": "image/webp", "fileUri": "https://example.com/a.webp?x=1"}},
        {"fileData": {"fileUri": "https://example.com/a"}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "AA=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "AA=="}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        {"videoMetadata": {"fps": 1}},
    ]


@pytest.mark.parametrize(
    ("result", "more", "response"),
    [
        ("12 degrees", {}, {"output": "12 degrees"}),
        ('{"degrees": 12}', {}, {"degrees": 12}),
        ("[1, 2]", {}, {"output": "[1, 2]"}),
        ("", {}, {"output": ""}),
        ("[" * 5000, {}, {"output": "[" * 5000}),
        ("no such city", {"is_error": True}, {"error": "no such city"}),
    ],
)
def test_tool_results(result: str, more: Json, response: Json) -> None:
    answer = sent(messages=conversation(CALL, result, **more))["contents"][-1]
    part = {"functionResponse": {"id": "c1", "name": "f", "response": response}}
    assert answer == {"role": "user", "parts": [part]}


def test_a_result_of_no_call() -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        sent(messages=[{"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "x", "content": "1"}])
    assert caught.value.param == "messages[1].tool_call_id"


@pytest.mark.parametrize(
    ("model", "call", "signature"),
    [
        ("gemini-3-pro", SIGNED, "c2ln"),
        ("gemini-2.5-pro", SIGNED, "c2ln"),
        ("gemini-3.8-flash", CALL, "skip_thought_signature_validator"),
        ("gemini-flash-latest", CALL, "skip_thought_signature_validator"),
        ("gemini-2.5-pro", CALL, None),
        ("gemma-4", CALL, None),
    ],
)
def test_signatures_of_calls(model: str, call: Json, signature: str | None) -> None:
    part = sent(model=model, messages=conversation(call, "1"))["contents"][1]["parts"][0]
    assert part["functionCall"] == {"id": "c1", "name": "f", "args": {"x": 1}}
    assert part.get("thoughtSignature") == signature


def test_only_the_first_of_parallel_calls_is_signed() -> None:
    second = {**CALL, "id": "c2"}
    for first in (SIGNED, CALL):
        message = {"role": "assistant", "tool_calls": [first, second]}
        made = sent(model="gemini-3-pro", messages=[{"role": "user", "content": "Hi"}, message])["contents"][1]["parts"]
        assert ["thoughtSignature" in part for part in made] == [True, False]


def test_the_signature_of_a_text() -> None:
    answer = {"role": "assistant", "content": "A", "extra_content": {"google": {"thought_signature": "c2ln"}}}
    made = sent(messages=[{"role": "user", "content": "Hi"}, answer])["contents"][1]["parts"]
    assert made == [{"text": "A", "thoughtSignature": "c2ln"}]


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tool_choice(choice: Any, config: Json) -> None:
    body = sent(tools=[TOOL, {"googleSearch": {}}], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": config}
    declared = {"name": "f", "description": "Does f.", "parametersJsonSchema": {"type": "object"}}
    assert body["tools"] == [{"functionDeclarations": [declared]}, {"googleSearch": {}}]


def test_allowed_tools_leave_only_these_on_offer() -> None:
    other = {"type": "function", "function": {"name": "g"}}
    named = [{"type": "function", "function": {"name": "g"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": named}}
    body = sent(tools=[TOOL, other], tool_choice=choice)
    assert body["tools"] == [{"functionDeclarations": [{"name": "g"}]}]
    assert body["toolConfig"]["functionCallingConfig"]["mode"] == "ANY"


def test_a_tool_choice_of_no_known_shape() -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        sent(tools=[TOOL], tool_choice={"type": "any"})
    assert caught.value.param == "tool_choice"


@pytest.mark.parametrize(
    ("model", "effort", "config"),
    [
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-flash", "low", {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-pro", "high", {"thinkingBudget": 24576, "includeThoughts": True}),
        ("gemini-3.8-flash", "none", {"thinkingLevel": "MINIMAL"}),
        ("gemini-3-pro", "medium", {"thinkingLevel": "MEDIUM", "includeThoughts": True}),
        ("gemini-flash-latest", "max", {"thinkingLevel": "XHIGH", "includeThoughts": True}),
    ],
)
def test_reasoning_effort(model: str, effort: str, config: Json) -> None:
    assert sent(model=model, reasoning_effort=effort)["generationConfig"]["thinkingConfig"] == config


def test_json_answers() -> None:
    assert sent(response_format={"type": "json_object"})["generationConfig"]["responseMimeType"] == "application/json"
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    config = sent(response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
    assert config["generationConfig"]["responseJsonSchema"] == schema
    assert "responseMimeType" not in sent(response_format={"type": "text"}).get("generationConfig", {})


@pytest.mark.parametrize("field", ["logprobs", "functions", "logit_bias", "web_search_options"])
def test_what_it_lacks(field: str) -> None:
    with pytest.raises(errors.Unsupported) as caught:
        sent(**{field: {"x": 1}})
    assert caught.value.param == field


def test_service_tier() -> None:
    assert sent(service_tier="flex")["serviceTier"] == "flex"
    assert "serviceTier" not in sent(service_tier="auto")


BODY: Json = {
    "responseId": "r1", "modelVersion": "gemini-3-pro-001",
    "candidates": [{
        "finishReason": "STOP",
        "content": {"parts": [
            {"text": "Hm.", "thought": True},
            {"text": "See: "},
            {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
            {"functionCall": {"name": "f", "args": {"x": 1}}, "thoughtSignature": "c2ln"},
            {"functionCall": {"name": "g", "id": "given"}},
            {"text": "", "thoughtSignature": "dGV4dA=="},
        ]},
    }],
    "usageMetadata": {
        "promptTokenCount": 100, "toolUsePromptTokenCount": 5, "cachedContentTokenCount": 60,
        "candidatesTokenCount": 7, "thoughtsTokenCount": 30, "totalTokenCount": 142,
    },
}  # fmt: skip


def test_a_whole_answer() -> None:
    chunk = ContentReader(Completion("m")).whole(BODY)
    choice = chunk.data["choices"][0]
    assert chunk.usage == Usage(105, 37, cached_tokens=60, reasoning_tokens=30)
    assert (chunk.data["id"], chunk.data["model"]) == ("r1", "gemini-3-pro-001")
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "STOP")
    assert choice["message"] == {
        "role": "assistant",
        "content": "See: ",
        "reasoning_content": "Hm.",
        "tool_calls": [
            {
                "id": "call_r1_0",
                "type": "function",
                "function": {"name": "f", "arguments": '{"x":1}'},
                "extra_content": {"google": {"thought_signature": "c2ln"}},
            },
            {"id": "given", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ],
        "images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        "extra_content": {"google": {"thought_signature": "dGV4dA=="}},
    }


def test_a_stream_says_the_same() -> None:
    reader = ContentReader(Completion("m"))
    whole = BODY["candidates"][0]["content"]["parts"]
    events = [{"responseId": "r1", "candidates": [{"content": {"parts": [part]}}]} for part in whole]
    chunks = [chunk for event in events for chunk in reader.feed(event)]
    assert reader.end() is None
    chunks += reader.feed({"candidates": [{"finishReason": "STOP"}], "usageMetadata": BODY["usageMetadata"]})
    last = reader.end()
    assert last is not None
    deltas = [chunk.data["choices"][0]["delta"] for chunk in [*chunks, last[0]]]
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert [(call["index"], call["id"]) for call in calls] == [(0, "call_r1_0"), (1, "given")]
    assert calls[0]["extra_content"] == {"google": {"thought_signature": "c2ln"}}
    assert [delta["images"][0]["index"] for delta in deltas if "images" in delta] == [0]
    assert deltas[-1] == {"extra_content": {"google": {"thought_signature": "dGV4dA=="}}}
    assert last[0].finish_reason == "tool_calls"
    assert last[1].usage == Usage(105, 37, cached_tokens=60, reasoning_tokens=30)


def test_one_call_at_a_time() -> None:
    chunk = ContentReader(Completion("m", one_call=True)).whole(BODY)
    assert [call["id"] for call in chunk.data["choices"][0]["message"]["tool_calls"]] == ["call_r1_0"]
    reader = ContentReader(Completion("m", one_call=True))
    streamed = [c for chunk in reader.feed(BODY) for c in chunk.data["choices"][0]["delta"].get("tool_calls", ())]
    assert [call["id"] for call in streamed] == ["call_r1_0"]


@pytest.mark.parametrize(
    ("native", "reason"),
    [
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("ESCALATION", "content_filter"),
        ("MAX_TOKENS", "length"),
        ("OTHER", "stop"),
    ],
)
def test_finish_reasons(native: str, reason: str) -> None:
    chunk = ContentReader(Completion("m")).whole({"candidates": [{"finishReason": native}]})
    assert chunk.finish_reason == reason
    assert chunk.usage is None
