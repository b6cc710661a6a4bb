"""Chats' answers as Messages: whole, and streamed with the upstream's chunks cut anywhere."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.errors import ProviderProtocolError
from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.messages_answer import MessageWriter
from pilothouse.gateway.dialects.messages_content import short_name
from pilothouse.providers.completion import Completion, tool_call
from pilothouse.types import ChatChunk, Json, Usage

from .message_events import read_message
from .scripted import piece, usage_chunk

LONG_NAME = "mcp__a_server_with_a_long_name__" + "x" * 60


def writer(**fields: Any) -> MessageWriter:
    body = {"model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}], **fields}
    return MessageWriter(read_request(body))


def streamed(*chunks: ChatChunk, **fields: Any) -> Json:
    message = writer(**fields)
    events = [event for chunk in chunks for event in message.feed(chunk)]
    return read_message([*events, *message.end()])


def call_delta(index: int, arguments: str = "", **head: Any) -> ChatChunk:
    name = {"name": head.pop("name")} if "name" in head else {}
    return piece(tool_calls=[{"index": index, **head, "function": {**name, "arguments": arguments}}])


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
objects = st.dictionaries(texts, st.one_of(texts, st.integers(), st.none(), st.lists(st.booleans())), max_size=3)
calls = st.tuples(st.text("abc123_-", min_size=1, max_size=8), st.text("abcxyz_", min_size=1, max_size=8), objects)


def cuts(text: str, draw: Any) -> list[str]:
    places = sorted(draw(st.sets(st.integers(0, len(text)), max_size=4)))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@given(st.data())
def test_every_stream_is_well_formed_and_says_what_the_whole_says(data: st.DataObject) -> None:
    reasoning, text = data.draw(st.one_of(st.just(""), texts)), data.draw(st.one_of(st.just(""), texts))
    made = data.draw(st.lists(calls, max_size=3, unique_by=lambda call: call[0]))
    usage = data.draw(st.one_of(st.none(), st.just(Usage(20, 7, 5, 3, 2))))
    chunks = [piece(role="assistant", content="")]
    for part in cuts(reasoning, data.draw):
        chunks.append(piece(reasoning_content=part))
        chunks[-1].reasoning = part
    chunks += [piece(part) for part in cuts(text, data.draw)]
    written = [msgspec.json.encode(arguments).decode() for _, _, arguments in made]
    for index, ((call_id, name, _), arguments) in enumerate(zip(made, written, strict=True)):
        head, *rest = cuts(arguments, data.draw)
        chunks.append(call_delta(index, head, id=call_id, name=name))
        chunks += [call_delta(index, part) for part in rest]
    finish = "tool_calls" if made else "stop"
    chunks.append(piece(finish=finish))
    chunks += [usage_chunk(usage)] if usage else []
    got = streamed(*chunks)

    content: list[Json] = []
    content += [{"type": "thinking", "thinking": reasoning, "signature": ""}] if reasoning else []
    content += [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": i, "name": name, "input": arguments} for i, name, arguments in made]
    assert got["content"] == content
    assert got["stop_reason"] == ("tool_use" if made else "end_turn")
    if usage:
        assert (got["usage"]["input_tokens"], got["usage"]["output_tokens"]) == (12, 7)

    listed = [tool_call(i, name, arguments) for (i, name, _), arguments in zip(made, written, strict=True)]
    answer = Completion("m").whole(finish, None, usage, text=text, reasoning=reasoning, calls=listed)
    whole = writer().whole(answer).data
    assert {**whole, "id": "", "usage": {}} == {**got, "id": "", "usage": {}, "model": "m"}


@pytest.mark.parametrize(
    ("finish", "stop"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("eos", "end_turn"),
        (None, "end_turn"),
    ],
)
def test_stop_reasons(finish: str | None, stop: str) -> None:
    assert streamed(piece("a"), piece(finish=finish))["stop_reason"] == stop


def test_a_stop_sequence_is_named_where_that_is_known() -> None:
    def ended(native: dict[str, str], stops: list[str]) -> Json:
        last = piece(finish="stop")
        body = last.data
        body["choices"][0] |= native
        return streamed(piece("a"), ChatChunk(msgspec.json.encode(body), finish_reason="stop"), stop_sequences=stops)

    only = ended({"native_finish_reason": "stop_sequence"}, ["END"])
    assert (only["stop_reason"], only["stop_sequence"]) == ("stop_sequence", "END")
    cohere = ended({"native_finish_reason": "STOP_SEQUENCE"}, ["A", "B"])
    assert (cohere["stop_reason"], cohere["stop_sequence"]) == ("stop_sequence", None)
    vllm = ended({"stop_reason": "B"}, ["A", "B"])
    assert (vllm["stop_reason"], vllm["stop_sequence"]) == ("stop_sequence", "B")
    assert ended({"stop_reason": "B"}, [])["stop_reason"] == "end_turn"


def test_a_call_under_the_finish_reason_stop_is_a_call() -> None:
    assert streamed(call_delta(0, "{}", id="c", name="f"), piece(finish="stop"))["stop_reason"] == "tool_use"


def test_signed_thinking_closes_its_block_and_redacted_thinking_has_its_own() -> None:
    thought = piece(thinking_blocks=[{"index": 0, "type": "thinking", "thinking": "hm", "signature": "sig"}])
    redacted = piece(thinking_blocks=[{"index": 1, "type": "redacted_thinking", "data": "xyz"}])
    reasoning = piece(reasoning_content="hm")
    reasoning.reasoning = "hm"
    got = streamed(reasoning, thought, redacted, piece("answer"), piece(finish="stop"))
    assert got["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "answer"},
    ]


def test_calls_that_all_have_the_index_0_are_told_apart_by_their_ids() -> None:
    got = streamed(
        call_delta(0, '{"a":', id="one", name="f"),
        call_delta(0, "1}", id="one"),
        call_delta(0, '{"b":2}', id="two", name="g"),
        piece(finish="tool_calls"),
    )
    assert [(b["id"], b["name"], b["input"]) for b in got["content"]] == [
        ("one", "f", {"a": 1}),
        ("two", "g", {"b": 2}),
    ]


def test_a_call_without_an_id_gets_one_and_a_late_name_is_waited_for() -> None:
    got = streamed(call_delta(0, '{"a"'), call_delta(0, ":1}", name="f"), piece(finish="tool_calls"))
    (block,) = got["content"]
    assert (block["name"], block["input"]) == ("f", {"a": 1})
    assert block["id"].startswith("toolu_")


def test_a_call_that_is_taken_up_again_is_refused() -> None:
    message = writer()
    message.feed(call_delta(0, "{", id="one", name="f"))
    message.feed(call_delta(1, "{", id="two", name="g"))
    with pytest.raises(ProviderProtocolError, match="went back to a tool call"):
        message.feed(call_delta(0, "}"))


def test_long_tool_names_come_back_as_they_were() -> None:
    tools = [{"name": LONG_NAME, "input_schema": {"type": "object"}}]
    sent = short_name(LONG_NAME)
    assert len(sent) == 64
    got = streamed(call_delta(0, "{}", id="c", name=sent), piece(finish="tool_calls"), tools=tools)
    assert got["content"][0]["name"] == LONG_NAME
    whole = Completion("m").whole("tool_calls", None, None, calls=[tool_call("c", sent, "{}")])
    assert writer(tools=tools).whole(whole).data["content"][0]["name"] == LONG_NAME


def test_a_refusal_is_text_and_says_so() -> None:
    got = streamed(piece(refusal="I will not."), piece(finish="stop"))
    assert (got["content"], got["stop_reason"]) == ([{"type": "text", "text": "I will not."}], "refusal")
    whole = Completion("m").whole("stop", None, None, refusal="No.")
    assert writer().whole(whole).data["stop_reason"] == "refusal"


def test_arguments_cut_by_the_limit_are_empty_and_broken_ones_are_the_models_fault() -> None:
    cut = Completion("m").whole("length", None, None, calls=[tool_call("c", "f", '{"a": "unfin')])
    assert writer().whole(cut).data["content"] == [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]
    broken = Completion("m").whole("tool_calls", None, None, calls=[tool_call("c", "f", "[1]")])
    with pytest.raises(ProviderProtocolError, match="'f' with arguments that are no JSON object"):
        writer().whole(broken)


def test_the_chunks_carry_what_is_metered() -> None:
    message = writer()
    chunks = [*message.feed(piece("one")), *message.feed(call_delta(0, "{}", id="c", name="f"))]
    chunks += [*message.feed(piece(finish="tool_calls")), *message.feed(usage_chunk(Usage(3, 4))), *message.end()]
    assert "".join(chunk.text for chunk in chunks) == "one"
    deltas = [delta for chunk in chunks for delta in chunk.tool_calls or ()]
    assert [delta["index"] for delta in deltas] == [0, 0]
    assert "".join(delta["function"]["arguments"] for delta in deltas) == "{}"
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["tool_calls"]
    assert [chunk.usage for chunk in chunks if chunk.usage] == [Usage(3, 4)]


def test_an_answer_without_a_word_is_a_message_too() -> None:
    assert read_message(writer().end())["content"] == []


def test_the_citations_of_a_corpus_are_kept() -> None:
    last = piece(finish="stop")
    raw = msgspec.json.encode({**last.data, "citations": [{"source": "a.md"}]})
    message = writer()
    events = [*message.feed(ChatChunk(raw, finish_reason="stop")), *message.end()]
    assert events[-2].data["citations"] == [{"source": "a.md"}]
