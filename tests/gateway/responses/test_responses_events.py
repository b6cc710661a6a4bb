"""Streams of the Responses dialect are well-formed and add up to the response, however the chat was cut."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.gateway.dialects.responses_events import Event, ResponseEvents
from pilothouse.gateway.dialects.responses_items import messages_of
from pilothouse.types import ChatChunk, Json, Usage

BODY: Json = {"model": "m", "input": "x", "tools": [{"type": "custom", "name": "run"}]}

Step = tuple[str, Any]
words = st.text(min_size=1, max_size=6)
says = st.tuples(st.sampled_from(["text", "reasoning", "refusal"]), words)
calls = st.tuples(
    st.just("call"), st.tuples(st.sampled_from(["look_up", "run"]), st.lists(st.text(max_size=5), max_size=4))
)
blocks = st.tuples(st.just("block"), words)
steps = st.lists(st.one_of(says, calls, blocks), max_size=12)


def delta(fields: Json, **more: Any) -> ChatChunk:
    finish = more.get("finish_reason")
    choices = [{"index": 0, "delta": fields, "finish_reason": finish}]
    return ChatChunk(msgspec.json.encode({"choices": choices, **more.pop("top", {})}), **more)


def chunks_of(given_steps: list[Step], finish: str) -> list[ChatChunk]:
    chunks, index = [], 0
    for kind, value in given_steps:
        if kind == "text":
            chunks.append(delta({"content": value}, text=value))
        elif kind == "reasoning":
            chunks.append(delta({"reasoning_content": value}, reasoning=value))
        elif kind == "refusal":
            chunks.append(delta({"refusal": value}))
        elif kind == "block":
            chunks.append(delta({"thinking_blocks": [{"index": 0, "type": "thinking", "thinking": value}]}))
        else:
            name, parts = value
            begun = {"index": index, "id": f"call_{index}", "function": {"name": name, "arguments": ""}}
            chunks.append(delta({"tool_calls": [begun]}))
            chunks += [delta({"tool_calls": [{"index": index, "function": {"arguments": p}}]}) for p in parts]
            index += 1
    return [*chunks, delta({}, finish_reason=finish), ChatChunk(b'{"choices": []}', usage=Usage(3, 4))]


def told(chunks: list[ChatChunk]) -> tuple[list[Event], Json]:
    events = ResponseEvents(BODY, "p", "0" * 32)
    made = [event for chunk in chunks for event in events.feed(chunk)]
    return msgspec.json.decode(msgspec.json.encode([*made, *events.end()])), events.response


def check(events: list[Event]) -> Json:
    """Follow the stream as a client does; returns the output that its parts add up to, by index."""
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    opened: dict[int, Json] = {}
    done: dict[int, Json] = {}
    texts: dict[tuple[Any, ...], str] = {}
    for event in events[2:-1]:
        name, index = event["type"], event["output_index"]
        if name == "response.output_item.added":
            assert index == len(opened), "indexes grow by one"
            opened[index] = event["item"]
            continue
        assert index in opened, f"{name} before its item"
        assert index not in done, f"{name} after its item"
        if name == "response.output_item.done":
            assert event["item"]["id"] == opened[index]["id"]
            done[index] = event["item"]
            continue
        assert event["item_id"] == opened[index]["id"]
        place = (index, event.get("content_index"), event.get("summary_index"))
        if name.endswith("part.added"):
            assert place not in texts, "a part is opened once"
            texts[place] = ""
        elif name.endswith(".delta"):
            texts[place] = texts[place] if "arguments" not in name and "input" not in name else texts.get(place, "")
            texts[place] += event["delta"]
        elif name.endswith(("text.done", "refusal.done", "arguments.done", "input.done")):
            whole = next(event[key] for key in ("text", "refusal", "arguments", "input") if key in event)
            assert whole == texts.get(place, "")
    assert opened.keys() == done.keys(), "every item is closed"
    return done


@given(steps, st.sampled_from(["stop", "length", "tool_calls", "content_filter"]))
def test_any_stream_is_well_formed_and_adds_up(given_steps: list[Step], finish: str) -> None:
    events, response = told(chunks_of(given_steps, finish))
    done = check(events)
    last = events[-1]
    cut = finish in ("length", "content_filter")
    assert last["type"] == f"response.{'incomplete' if cut else 'completed'}"
    assert last["response"] == msgspec.json.decode(msgspec.json.encode(response))
    assert last["response"]["output"] == [done[i] for i in sorted(done)]
    assert last["response"]["usage"]["total_tokens"] == 7
    said = [p.get("text") or p.get("refusal") for i in done.values() if i["type"] == "message" for p in i["content"]]
    assert "".join(x or "" for x in said) == "".join(v for k, v in given_steps if k in ("text", "refusal"))
    made = [i for i in response["output"] if i["type"] in ("function_call", "custom_tool_call")]
    assert [i["call_id"] for i in made] == [f"call_{n}" for n in range(len(made))]
    assert [i["name"] for i in made] == [v[0] for k, v in given_steps if k == "call"]
    assert len({item["id"] for item in response["output"]}) == len(response["output"])


@given(steps)
def test_a_whole_answer_is_what_its_stream_adds_up_to(given_steps: list[Step]) -> None:
    """One text, one thought: a JSON answer has no order among more."""
    text = "".join(v for k, v in given_steps if k == "text")
    reasoning = "".join(v for k, v in given_steps if k == "reasoning")
    calls_made = [
        {"id": f"call_{n}", "function": {"name": name, "arguments": "".join(parts)}}
        for n, (name, parts) in enumerate(v for k, v in given_steps if k == "call")
    ]
    message = {"role": "assistant", "content": text, "reasoning_content": reasoning, "tool_calls": calls_made}
    raw = msgspec.json.encode({"choices": [{"message": message, "finish_reason": "stop"}]})
    _, whole = told([ChatChunk(raw, text, reasoning, "stop", Usage(3, 4))])
    ordered = sorted(
        (step for step in given_steps if step[0] in ("text", "reasoning", "call")),
        key=lambda step: ["reasoning", "text", "call"].index(step[0]),
    )
    _, streamed = told(chunks_of(ordered, "stop"))

    def bare(response: Json) -> Any:
        kept = [{k: v for k, v in i.items() if k != "id"} for i in response["output"]]
        return kept, response["usage"], response["status"]

    assert bare(whole) == bare(streamed)


@given(steps)
def test_an_answer_goes_back_in_as_what_the_chat_said(given_steps: list[Step]) -> None:
    kept = [step for step in given_steps if step[0] in ("text", "call")]
    _, response = told(chunks_of(kept, "stop"))
    messages, unsaid = messages_of(response["output"])
    assert unsaid == []
    texts = "".join(m["content"] or "" for m in messages)
    assert texts == "".join(v for k, v in kept if k == "text")
    called = [c for m in messages for c in m.get("tool_calls") or ()]
    assert [c["function"]["name"] for c in called] == [v[0] for k, v in kept if k == "call"]
    plain = [c["function"]["arguments"] for c in called if c["function"]["name"] == "look_up"]
    assert plain == ["".join(v[1]) for k, v in kept if k == "call" and v[0] == "look_up"]


def test_citations_are_annotations_of_the_text() -> None:
    cited = [{"number": 2, "chunk_id": "c9", "source": "a.pdf", "place": "a.pdf, page 3", "page": 3, "headings": []}]
    chunks = [delta({"content": "So [2]."}, text="So [2]."), delta({}, finish_reason="stop", top={"citations": cited})]
    events, response = told(chunks)
    check(events)
    wanted = {
        "type": "file_citation", "file_id": "c9", "filename": "a.pdf", "index": 2, "place": "a.pdf, page 3"
    }  # fmt: skip
    assert response["output"][0]["content"][0]["annotations"] == [wanted]
    (added,) = [e for e in events if e["type"] == "response.output_text.annotation.added"]
    assert added["annotation"] == wanted


def test_a_server_that_reuses_an_index_makes_two_calls() -> None:
    def call(identity: str) -> ChatChunk:
        function = {"name": "look_up", "arguments": "{}"}
        return delta({"tool_calls": [{"index": 0, "id": identity, "function": function}]})

    events, response = told([call("a"), call("b"), delta({}, finish_reason="tool_calls")])
    check(events)
    assert [item["call_id"] for item in response["output"]] == ["a", "b"]
