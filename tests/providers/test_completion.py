"""Writing of OpenAI answers, read back with the official client's own types."""

import base64
import struct

import msgspec
import pytest
from openai.lib.streaming.chat._completions import accumulate_delta
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from pilothouse.providers.completion import Completion, embeddings, tool_call
from pilothouse.types import Json, Usage

USAGE = Usage(10, 5, cached_tokens=3, reasoning_tokens=2)


def test_a_stream_is_openais() -> None:
    made = Completion("m")
    chunks = [
        *made.reasoning("Hm."),
        *made.text("Hel"),
        *made.text(""),
        *made.text("lo"),
        *made.call("c1", "f"),
        *made.arguments('{"x"'),
        *made.arguments(":1}"),
        *made.call("c2", "g", "{}", extra_content={"k": "v"}, empty=None),
        *made.finish("tool_calls", "TOOLS", USAGE),
    ]
    read = [ChatCompletionChunk.model_validate_json(chunk.raw) for chunk in chunks]
    assert {(chunk.id, chunk.model, chunk.created, chunk.object) for chunk in read} == {
        (made.id, "m", read[0].created, "chat.completion.chunk")
    }
    assert "".join(chunk.text for chunk in chunks) == "Hello"
    assert "".join(chunk.reasoning for chunk in chunks) == "Hm."
    assert [chunk.choices[0].delta.role for chunk in read[:-1]] == ["assistant", *[None] * (len(read) - 2)]
    assert read[-2].choices[0].finish_reason == chunks[-2].finish_reason == "tool_calls"
    assert chunks[-2].data["choices"][0]["native_finish_reason"] == "TOOLS"
    assert read[-1].choices == []
    assert (chunks[-1].usage, chunks[-1].usage_only) == (USAGE, True)
    usage = read[-1].usage
    assert usage is not None
    assert (usage.total_tokens, usage.prompt_tokens_details.cached_tokens) == (15, 3)  # type: ignore[union-attr]


def test_deltas_add_up_as_the_official_client_adds_them() -> None:
    made = Completion("m")
    chunks = [
        *made.reasoning("H"),
        *made.reasoning("m.", tool_plan="m."),
        *made.block("thinking_blocks", {"type": "thinking", "thinking": "Hm.", "signature": "s"}),
        *made.block("thinking_blocks", {"type": "redacted_thinking", "data": "d"}),
        *made.text("A"),
        *made.call("c1", "f"),
        *made.arguments("{}"),
        *made.finish("stop", None, None, refusal="No."),
    ]
    message: dict[object, object] = {}
    for chunk in chunks:
        message = accumulate_delta(message, chunk.data["choices"][0]["delta"])
    assert message["reasoning_content"] == "Hm."
    assert message["content"] == "A"
    assert message["refusal"] == "No."
    assert message["thinking_blocks"] == [
        {"index": 0, "type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"index": 1, "type": "redacted_thinking", "data": "d"},
    ]
    assert message["tool_calls"] == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]


def test_no_usage_no_chunk_for_it() -> None:
    assert len(Completion("m").finish("stop", None, None)) == 1
    assert len(Completion("m").finish("stop", None, Usage())) == 2


def test_one_call_alone() -> None:
    made = Completion("m", one_call=True)
    first = [*made.call("c1", "f"), *made.arguments("{}")]
    assert [*made.call("c2", "g"), *made.arguments("{}"), *made.call("c3", "g")] == []
    assert len(first) == 2
    calls = [tool_call("c1", "f", "{}"), tool_call("c2", "g", "{}")]
    whole = Completion("m", one_call=True).whole("tool_calls", None, None, calls=calls)
    assert whole.data["choices"][0]["message"]["tool_calls"] == calls[:1]


@pytest.mark.parametrize("one_call", [False, True])
def test_a_call_that_ends_without_arguments_has_empty_ones(one_call: bool) -> None:
    made = Completion("m", one_call=one_call)
    chunks = [*made.call("c1", "f"), *made.arguments(""), *made.call("c2", "g"), *made.finish("stop", None, None)]
    deltas = [call for chunk in chunks for call in chunk.data["choices"][0]["delta"].get("tool_calls", ())]
    said = [(delta["index"], delta["function"]["arguments"]) for delta in deltas]
    assert said == [(0, ""), (0, "{}")] + ([] if one_call else [(1, ""), (1, "{}")])


def test_a_whole_answer_is_openais() -> None:
    calls = [tool_call("c1", "f", "{}")]
    chunk = Completion("m").whole(
        "stop", "END", USAGE, text="A", reasoning="Hm.", calls=calls, citations=[], refusal=None
    )
    read = ChatCompletion.model_validate_json(chunk.raw)
    message = read.choices[0].message
    assert (message.content, message.tool_calls[0].id) == ("A", "c1")  # type: ignore[index]
    assert read.usage is not None
    assert read.usage.completion_tokens_details.reasoning_tokens == 2  # type: ignore[union-attr]
    assert (chunk.text, chunk.reasoning, chunk.finish_reason, chunk.usage) == ("A", "Hm.", "stop", USAGE)
    assert not {"citations", "refusal"} & chunk.data["choices"][0]["message"].keys()


def test_content_is_null_only_beside_calls() -> None:
    def content(**given: object) -> object:
        message: Json = Completion("m").whole("stop", None, None, **given).data["choices"][0]["message"]  # type: ignore[arg-type]
        return message["content"]

    assert content() == ""
    assert content(calls=[tool_call("c", "f", "{}")]) is None


def test_embeddings() -> None:
    rows = [[0.5, -0.25], [1.0, 2.0]]
    plain = embeddings(rows, "m", Usage(7), None)
    read = CreateEmbeddingResponse.model_validate_json(plain.raw)
    assert [item.embedding for item in read.data] == rows
    assert (read.usage.prompt_tokens, plain.usage) == (7, Usage(7))
    packed = msgspec.json.decode(embeddings(rows, "m", None, "base64").raw)["data"][1]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(packed)) == (1.0, 2.0)
