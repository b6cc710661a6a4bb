import json
from typing import Any

import pytest

from pilothouse.gateway.passing.passed import asked_of
from pilothouse.gateway.passing.usage import AnswerWatch
from pilothouse.types import Usage

ANTHROPIC = {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 2}
RESPONSES = {
    "input_tokens": 8, "input_tokens_details": {"cached_tokens": 3}, "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 1}, "total_tokens": 10,
}  # fmt: skip
CHAT = {"prompt_tokens": 8, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}
GOOGLE = {"promptTokenCount": 8, "candidatesTokenCount": 1, "thoughtsTokenCount": 1, "cachedContentTokenCount": 3}
BEDROCK = {"inputTokens": 5, "outputTokens": 2, "cacheReadInputTokens": 3}
COHERE_BILLS = {"input_tokens": 8.0, "output_tokens": 2.0}
COHERE = {"billed_units": COHERE_BILLS, "tokens": {"input_tokens": 90.0}, "cached_tokens": 3}
PLAIN, THOUGHT = Usage(8, 2, 3), Usage(8, 2, 3, reasoning_tokens=1)

SHAPES: list[tuple[Any, Usage]] = [
    ({"model": "m", "usage": CHAT}, PLAIN),
    ({"model": "m", "usage": RESPONSES}, THOUGHT),
    ({"model": "m", "usage": ANTHROPIC}, PLAIN),
    ({"usageMetadata": GOOGLE}, THOUGHT),
    ([{"candidates": []}, {"usageMetadata": GOOGLE}], THOUGHT),
    ({"usage": BEDROCK}, PLAIN),
    ({"usage": {"total_tokens": 8}}, Usage(8)),
    ({"message": {"content": [{"type": "text", "text": "hi"}]}, "usage": COHERE}, PLAIN),
    ({"embeddings": {}, "meta": {"billed_units": {"input_tokens": 8.0}}}, Usage(8)),
    ({"results": [], "meta": {"billed_units": {"search_units": 2.0}}}, Usage(0, units=2)),
]


def watched(kind: str, raw: bytes, size: int) -> AnswerWatch:
    watch = AnswerWatch(kind)
    for at in range(0, len(raw), size):
        watch.feed(raw[at : at + size])
    return watch


@pytest.mark.parametrize(("body", "usage"), SHAPES)
@pytest.mark.parametrize("size", [1, 4096])
def test_json_answers(body: Any, usage: Usage, size: int) -> None:
    assert watched("application/json", json.dumps(body).encode(), size).usage == usage


def test_of_a_long_answer_the_end_is_read() -> None:
    talk = 'He said "usage": {"prompt_tokens": 1}. ' * 60_000
    body = {"choices": [{"message": {"content": talk}}], "usage": CHAT, "system_fingerprint": "x"}
    watch = watched("application/json", json.dumps(body).encode(), 50_000)
    assert watch.usage == PLAIN


def test_of_many_vectors_the_end_is_read() -> None:
    body = {"embeddings": {"float": [[0.25] * 300_000]}, "meta": {"billed_units": {"input_tokens": 8}}}
    assert watched("application/json", json.dumps(body).encode(), 50_000).usage == Usage(8)


def sse(*events: Any) -> bytes:
    return b"".join(b"data: %s\n\n" % (e if isinstance(e, bytes) else json.dumps(e).encode()) for e in events)


@pytest.mark.parametrize("size", [1, 4096])
@pytest.mark.parametrize(
    ("events", "usage", "written"),
    [
        ([{"choices": [{"delta": {"content": "one two"}}]}, {"choices": [], "usage": CHAT}, b"[DONE]"], PLAIN, 2),
        (
            [
                {"type": "message_start", "message": {"model": "m", "usage": {**ANTHROPIC, "output_tokens": 1}}},
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hi"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
            ],
            PLAIN,
            1,
        ),
        (
            [
                {"type": "response.output_text.delta", "delta": "hi"},
                {"type": "response.completed", "response": {"model": "m", "usage": RESPONSES}},
            ],
            THOUGHT,
            1,
        ),
        ([{"candidates": [{"content": {"parts": [{"text": "hi"}]}}], "usageMetadata": GOOGLE}], THOUGHT, 1),
        ([{"choices": [{"delta": {"content": "hi"}}]}] * 5, None, 5),
        (
            [
                {"type": "content-delta", "delta": {"message": {"content": {"text": "hi"}}}},
                {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE}},
            ],
            PLAIN,
            1,
        ),
    ],
)
def test_streams(events: list[Any], usage: Usage | None, written: int, size: int) -> None:
    watch = watched("text/event-stream; charset=utf-8", sse(*events), size)
    assert (watch.usage, watch.written) == (usage, written)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("application/json", b"{"), ("application/json", b"[1, null]"), ("application/json", b'{"usage": {"x": 1}}'),
        ("application/json", b'{"usage": {"prompt_tokens": "5"}}'),
        ("application/json", b'{"usage": {"prompt_tokens": -5}}'),
        ("application/json", b'{"usage": {"prompt_tokens": 1e300}}'),
        ("application/json", b'{"usage": {"inputTokens": "x"}}'),
        ("application/json", b'{"choices": [3]}'),
        ("text/event-stream", sse(b"nonsense", [1], {"choices": 7}, {"message": 3})), ("audio/mpeg", b"\x00\xff"),
        ("application/vnd.amazon.eventstream", b"not a frame of any kind at all"),
    ],
)  # fmt: skip
def test_what_is_in_no_known_shape_tells_nothing_and_hurts_nobody(kind: str, raw: bytes) -> None:
    watch = watched(kind, raw, 3)
    assert (watch.usage, watch.model) == (None, None)


@pytest.mark.parametrize(
    ("method", "path", "body", "models", "output", "free"),
    [
        ("POST", "chat/completions", {"model": "m", "max_tokens": 5, "n": 3}, ("m",), 15, False),
        ("POST", "v1/messages/count_tokens", {"model": "m"}, ("m",), None, True),
        ("POST", "v1beta/models/gemini-x:generateContent", {"generationConfig": {"maxOutputTokens": 9}}, ("gemini-x",),
         9, False),
        ("POST", "v1beta/models/gemini-x:countTokens", {}, ("gemini-x",), None, True),
        ("POST", "model/a.b%3Ac/converse", {"inferenceConfig": {"maxTokens": 4}}, ("a.b:c",), 4, False),
        ("POST", "openai/deployments/d/chat/completions", {"model": "m"}, ("d", "m"), None, False),
        ("POST", "chat/completions", {"model": "m", "models": ["n", 3]}, ("m", "n"), None, False),
        ("POST", "chat/completions", {"MODEL": "n", "model": "m"}, ("m", "n"), None, False),
        ("POST", "models/a/models/b:go", {}, ("a", "b"), None, False),
        ("GET", "models/m", None, ("m",), None, True),
        ("GET", "models", None, (), None, True),
        ("POST", "files", None, (), None, False),
        ("POST", "x", {"model": 3, "max_tokens": "many", "generationConfig": []}, (), None, False),
    ],
)  # fmt: skip
def test_what_a_request_says_of_its_costs(
    method: str, path: str, body: Any, models: tuple[str, ...], output: int | None, free: bool
) -> None:
    asked = asked_of(method, path, body)
    assert (asked.models, asked.output, asked.free) == (models, output, free)
