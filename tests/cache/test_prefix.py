"""Requests whose stable part comes first and is marked, as the Anthropic translation then writes it."""

from typing import Any

from pilothouse.cache.prefix import PrefixUse, Variation, prefixed
from pilothouse.providers.anthropic_wire import to_messages
from pilothouse.types import ChatRequest, Json, Usage

EPHEMERAL = {"type": "ephemeral"}


def tool(name: str) -> Json:
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def system(text: str) -> Json:
    return {"role": "system", "content": text}


def ask(*messages: Json, **fields: Any) -> ChatRequest:
    return ChatRequest.check({"model": "m", "messages": list(messages), **fields})


HISTORY = [
    {"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"},
]  # fmt: skip


def test_tools_are_in_one_order_whatever_the_callers_was() -> None:
    one = prefixed(ask(*HISTORY, tools=[tool("b"), tool("a"), tool("c")]))
    two = prefixed(ask(*HISTORY, tools=[tool("c"), tool("b"), tool("a")]))
    assert one.body == two.body
    assert [t["function"]["name"] for t in one.tools] == ["a", "b", "c"]
    assert "tools" not in prefixed(ask(*HISTORY)).body


def test_the_request_given_is_left_alone() -> None:
    request = ask(system("s"), *HISTORY, tools=[tool("b"), tool("a")])
    before = repr(request)
    prefixed(request, marks=True, varies=lambda message: True)
    assert repr(request) == before


def test_marks_arrive_at_anthropic() -> None:
    request = prefixed(ask(system("s0"), system("s1"), *HISTORY, tools=[tool("b"), tool("a")]), marks=True)
    sent = to_messages(request, 100)
    assert [t.get("cache_control") for t in sent["tools"]] == [None, EPHEMERAL]
    assert [block.get("cache_control") for block in sent["system"]] == [None, EPHEMERAL]
    blocks = [block for message in sent["messages"] for block in message["content"]]
    assert [block.get("cache_control") for block in blocks] == [None, EPHEMERAL, None]


def test_a_tool_result_is_marked_and_an_empty_turn_is_not() -> None:
    made = {"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}}
    turns = [
        HISTORY[0], {"role": "assistant", "content": None, "tool_calls": [made]},
        {"role": "tool", "tool_call_id": "1", "content": "4"}, {"role": "user", "content": "so?"},
    ]  # fmt: skip
    sent = to_messages(prefixed(ask(*turns), marks=True), 100)
    marked = [block["type"] for m in sent["messages"] for block in m["content"] if "cache_control" in block]
    assert marked == ["tool_result"]
    plain = to_messages(prefixed(ask(turns[0], turns[1], turns[3]), marks=True), 100)
    assert [b["type"] for m in plain["messages"] for b in m["content"] if "cache_control" in b] == ["text"]


def test_a_callers_own_marks_are_its_own() -> None:
    request = ask({"role": "system", "content": "s", "cache_control": EPHEMERAL}, *HISTORY)
    assert prefixed(request, marks=True).body == request.body


def test_a_lone_question_has_no_mark() -> None:
    assert "cache_control" not in str(prefixed(ask(HISTORY[0]), marks=True).body)


def test_other_dialects_are_left_alone() -> None:
    request = ChatRequest({"model": "m", "messages": []}, "messages")
    assert prefixed(request, marks=True) is request


def test_what_varies_goes_behind_what_does_not() -> None:
    variation = Variation()
    asked = [ask(system(f"It is {n} o'clock."), system("Be kind."), *HISTORY, tools=[tool("a")]) for n in range(12)]
    for request in asked:
        variation.note("fast", request)
    parts = {part.name: part for part in variation.parts("fast")}
    assert {name: (part.calls, part.values, part.varies) for name, part in parts.items()} == {
        "tools": (12, 1, False), "system 0": (12, 12, True), "system 1": (12, 1, False),
    }  # fmt: skip
    assert parts["system 1"].characters == len('"Be kind."')
    shaped = prefixed(asked[0], marks=True, varies=variation.varies("fast"))
    head = shaped.messages[:2]
    assert [m["content"] for m in head] == ["Be kind.", "It is 0 o'clock."]
    assert ["cache_control" in m for m in head] == [True, False]


def test_nothing_is_moved_on_little_evidence() -> None:
    variation = Variation()
    request = ask(system("It is 1."), system("Be kind."), *HISTORY)
    variation.note("fast", request)
    assert prefixed(request, varies=variation.varies("fast")).body == request.body
    assert variation.parts("other") == []


def test_the_cached_share_by_deployment() -> None:
    use = PrefixUse()
    use.note("p/b", Usage(100, 5, cached_tokens=60, cache_write_tokens=20))
    use.note("p/b", Usage(100, 5, cached_tokens=90))
    use.note("p/a", Usage(0, 5))
    a, b = use.report()
    assert (a.deployment, a.calls, a.share) == ("p/a", 1, 0.0)
    assert (b.calls, b.input_tokens, b.cached_tokens, b.cache_write_tokens, b.share) == (2, 200, 150, 20, 0.75)
