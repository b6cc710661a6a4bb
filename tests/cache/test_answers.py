"""An answer gathered from chunks, and given again as JSON and as a stream, says the same each time."""

from typing import Any

import msgspec
import pytest

from pilothouse.cache.answers import Answer, body_of, is_cacheable, replay, text_in
from pilothouse.types import ChatChunk, ChatRequest, EmbedRequest, Json, Usage

USAGE = Usage(10, 5, cached_tokens=4)
ASK: Json = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def request(**fields: Any) -> ChatRequest:
    return ChatRequest.check({**ASK, **fields})


def delta(reason: str | None = None, text: str = "", **fields: Any) -> ChatChunk:
    choice = {"index": 0, "delta": fields, "finish_reason": reason}
    raw = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m-1", "choices": [choice]}
    return ChatChunk(msgspec.json.encode(raw), text=text, finish_reason=reason)


def counted() -> ChatChunk:
    raw = {"id": "c1", "object": "chat.completion.chunk", "created": 7, "model": "m-1", "choices": []}
    return ChatChunk(msgspec.json.encode({**raw, "usage": USAGE.to_openai()}), usage=USAGE, usage_only=True)


def stream_of(*chunks: ChatChunk) -> Json:
    body = body_of(chunks, request(stream=True))
    assert body is not None
    return msgspec.json.decode(body)  # type: ignore[no-any-return]


def again(body: Json, **fields: Any) -> list[ChatChunk]:
    answer = Answer(msgspec.json.encode(body), 0, "d", "m-1", USAGE, 99)
    return replay(answer, request(**fields))


TOOLS = [
    delta(role="assistant", content=None, tool_calls=[
        {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": '{"x":'}}]),
    delta(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
    delta(tool_calls=[{"index": 1, "id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}}]),
    delta("tool_calls"),
    counted(),
]  # fmt: skip
THOUGHTS = [
    delta(role="assistant", reasoning_content="let me "),
    delta(reasoning_content="see"),
    delta(thinking_blocks=[{"index": 0, "type": "thinking", "thinking": "let me see", "signature": "s"}]),
    delta(text="It is ", content="It is "),
    delta(text="four.", content="four."),
    delta("stop"),
    counted(),
]


def test_a_stream_becomes_the_json_that_it_stands_for() -> None:
    body = stream_of(*THOUGHTS)
    assert body == {
        "id": "c1", "object": "chat.completion", "created": 7, "model": "m-1", "usage": USAGE.to_openai(),
        "choices": [{
            "index": 0, "logprobs": None, "finish_reason": "stop",
            "message": {
                "role": "assistant", "content": "It is four.", "reasoning_content": "let me see",
                "thinking_blocks": [{"type": "thinking", "thinking": "let me see", "signature": "s"}],
            },
        }],
    }  # fmt: skip


def test_tool_calls_are_put_together() -> None:
    message = stream_of(*TOOLS)["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


@pytest.mark.parametrize("chunks", [TOOLS, THOUGHTS], ids=["tools", "thoughts"])
def test_a_replayed_stream_says_the_same(chunks: list[ChatChunk]) -> None:
    body = stream_of(*chunks)
    streamed = again(body, stream=True)
    assert stream_of(*streamed) == body
    assert streamed[0].data["choices"][0]["delta"]["role"] == "assistant"
    assert [c.finish_reason for c in streamed if c.finish_reason] == [body["choices"][0]["finish_reason"]]
    assert streamed[-1].usage_only
    assert streamed[-1].usage == USAGE
    assert streamed[-1].data["usage"] == USAGE.to_openai()
    assert {c.data["object"] for c in streamed} == {"chat.completion.chunk"}
    assert {c.model for c in streamed} == {"m-1"}
    text = "".join(c.text for c in streamed)
    assert text == (body["choices"][0]["message"]["content"] or "")
    assert "".join(c.reasoning for c in streamed) == body["choices"][0]["message"].get("reasoning_content", "")


def test_a_replayed_json_is_the_body_itself() -> None:
    body = stream_of(*THOUGHTS)
    (chunk,) = again(body)
    assert chunk.data == body
    assert (chunk.text, chunk.reasoning, chunk.finish_reason) == ("It is four.", "let me see", "stop")
    assert (chunk.usage, chunk.model) == (USAGE, "m-1")


def test_a_json_answer_streams() -> None:
    long = "word " * 500
    choice = {"index": 0, "message": {"role": "assistant", "content": long}, "finish_reason": "stop"}
    body: Json = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "m-1", "citations": [{"number": 1}],
        "choices": [choice | {"logprobs": {"content": [{"token": "w"}]}}],
    }  # fmt: skip
    streamed = again(body, stream=True)
    assert len(streamed) > 4, "in pieces"
    assert all(len(chunk.text) <= 400 and not chunk.text.startswith(" ") for chunk in streamed)
    assert stream_of(*streamed) == {**body, "usage": USAGE.to_openai()}
    assert sum("citations" in chunk.data for chunk in streamed) == 1


def test_text_completions_keep_their_shape() -> None:
    def piece(text: str, reason: str | None = None) -> ChatChunk:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": reason}
        raw = {"id": "c", "object": "text_completion", "created": 1, "model": "m-1", "choices": [choice]}
        return ChatChunk(msgspec.json.encode(raw), text=text, finish_reason=reason)

    asked = ChatRequest.check({"model": "m", "prompt": "p", "stream": True}, "text_completion")
    body = body_of([piece("one "), piece("two", "stop")], asked)
    assert body is not None
    assert msgspec.json.decode(body)["choices"][0] == {
        "index": 0, "text": "one two", "logprobs": None, "finish_reason": "stop",
    }  # fmt: skip
    assert text_in(body, asked) == "one two"
    streamed = replay(Answer(body, 0, model="m-1"), asked)
    again = body_of(streamed, asked)
    assert again is not None
    assert msgspec.json.decode(again) == msgspec.json.decode(body)


@pytest.mark.parametrize("reason", ["length", "content_filter", None])
def test_what_did_not_come_to_its_end_is_not_kept(reason: str | None) -> None:
    assert body_of([delta(text="x", content="x"), delta(reason)], request(stream=True)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, [{"index": 0}]), (5, [1]), ([{"index": 0, "function": {"a": 1}}], [{"index": 0, "function": ["b"]}])],
)
def test_a_stream_whose_parts_do_not_fit_together_is_not_kept(one: object, other: object) -> None:
    chunks = [delta(tool_calls=one), delta(tool_calls=other), delta("stop")]
    kept = body_of(chunks, request(stream=True))
    assert kept is None or again(msgspec.json.decode(kept), stream=True)


@pytest.mark.parametrize(
    "choice", [{}, {"message": None}, {"message": "said"}, {"text": None, "message": {}}, {"message": {}}]
)
def test_a_json_answer_that_could_not_be_given_again_is_not_kept(choice: Json) -> None:
    kept = {"choices": [choice, {"finish_reason": "stop", "message": {"content": "x"}}]}
    assert body_of([ChatChunk(msgspec.json.encode(kept), finish_reason="stop")], request()) is None
    assert body_of([ChatChunk(b'{"choices": []}', finish_reason="stop")], request()) is None


def test_events_of_another_dialect_are_given_as_they_came() -> None:
    asked = ChatRequest({**ASK, "stream": True}, "messages", request(stream=True))
    chunks = [
        ChatChunk(b'{"a":1}', "four", event=b"content_block_delta", model="m-1"),
        ChatChunk(b'{"b":2}', finish_reason="stop", usage=USAGE, event=b"message_delta"),
    ]
    body = body_of(chunks, asked)
    assert body is not None
    assert replay(Answer(body, 0), asked) == chunks
    assert text_in(body, asked) == "four"
    assert body_of(chunks[:1], asked) is None


def test_a_list_as_content_is_kept_with_what_follows() -> None:
    body = stream_of(delta(content="a"), delta(content=[{"type": "text", "text": "b"}]), delta("stop", content="c"))
    assert [part["text"] for part in body["choices"][0]["message"]["content"]] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("fields", "kept"),
    [({}, True), ({"n": 1}, True), ({"n": 2}, False), ({"audio": {"voice": "x"}}, False)],
)
def test_only_a_single_answer_of_text_is_cacheable(fields: Json, kept: bool) -> None:
    assert is_cacheable(request(**fields)) is kept
    assert is_cacheable(EmbedRequest({"model": "m", "input": "x"}))
