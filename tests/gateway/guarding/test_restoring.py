"""A model sees stand-ins, the caller gets the values back: in texts and arguments of tools, whole or streaming."""

import json
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.types import ChatChunk, ChatRequest, Json, Operation

from ..scripted import Recording, piece, whole
from .streams import check_stream
from .test_watch import answered, ask, gateway_with, text_of

POLICY: dict[str, Any] = {"input": [{"use": "pii", "style": "pseudonym"}]}
VALUE = "ada@example.com"
OPERATIONS: tuple[Operation, ...] = ("chat", "messages", "responses")


def called(id_: str | None, arguments: str) -> ChatChunk:
    call: Json = {"index": 0, "function": {"arguments": arguments}}
    if id_ is not None:
        call |= {"id": id_, "type": "function", "function": {"name": "send", "arguments": arguments}}
    return piece(tool_calls=[call])


def arguments_in(chunks: list[ChatChunk], operation: Operation) -> str:
    made = ""
    for data in (chunk.data for chunk in chunks):
        if operation == "messages":
            made += (data.get("delta") or {}).get("partial_json", "")
        elif operation == "responses":
            made += data["delta"] if data["type"] == "response.function_call_arguments.delta" else ""
        else:
            for call in (data["choices"][0]["delta"].get("tool_calls") or ()) if data["choices"] else ():
                made += call["function"].get("arguments") or ""
    return made


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_what_a_stream_brings_back_is_restored_wherever_it_is_cut(
    operation: Operation, recording: Recording
) -> None:
    said = [*"Mail <EMAIL_1>, a < b, not <EMAIL_2>."]
    steps = [
        *map(piece, said),
        called("c1", '{"to": "<EM'),
        called(None, 'AIL_1>"'),
        called(None, "}"),
        piece("", "tool_calls"),
    ]
    gateway, provider = gateway_with(POLICY, *steps)
    chunks = await answered(gateway, ask(f"write to {VALUE}", operation=operation, stream=True), Call(recording))
    assert text_of(chunks) == f"Mail {VALUE}, a < b, not <EMAIL_2>."
    assert json.loads(arguments_in(chunks, operation)) == {"to": VALUE}
    check_stream(operation, chunks)
    assert VALUE not in json.dumps(provider.requests[0].body)
    assert "<EMAIL_1>" in json.dumps(provider.requests[0].body)
    for span in recording.spans:
        assert VALUE not in repr((span.input, span.output, span.attributes))


@pytest.mark.parametrize("operation", [*OPERATIONS, "text_completion"])
async def test_so_is_a_json_answer(operation: Operation, recording: Recording) -> None:
    gateway, _ = gateway_with(POLICY, whole("Mail <EMAIL_1> today"))
    (chunk,) = await answered(gateway, ask(f"write to {VALUE}", operation=operation), Call(recording))
    assert chunk.text == f"Mail {VALUE} today"
    assert f"Mail {VALUE} today".encode() in chunk.raw
    assert "<EMAIL_1>" in repr(recording.spans[-1].output)


async def test_an_answer_from_the_cache_names_whom_its_caller_named(recording: Recording) -> None:
    gateway, provider = gateway_with(
        POLICY, whole("Mail <EMAIL_1> today"),
        models={"m": {"deployments": [{"provider": "a", "model": "x"}], "guards": ["p"], "exact_cache": {}}},
    )  # fmt: skip
    call = Call(recording)
    for value in ("ada@example.com", "bob@example.com"):
        (chunk,) = await answered(gateway, ask(f"write to {value}", temperature=0), call)
        assert chunk.text == f"Mail {value} today"
        assert call.pseudonyms is None
    assert len(provider.requests) == 1


async def test_what_tools_said_is_given_stand_ins_and_the_arguments_of_calls_get_values(recording: Recording) -> None:
    given, made = (
        {"id": "c", "type": "function", "function": {"name": "send", "arguments": arguments}}
        for arguments in ("{}", '{"to": "<EMAIL_1>", "cc": "<EMAIL_2>"}')
    )
    body = whole("").data
    body["choices"][0]["message"]["tool_calls"] = [made]
    gateway, provider = gateway_with({**POLICY, "tool": POLICY["input"]}, ChatChunk(json.dumps(body).encode()))
    messages = [{"role": "user", "content": f"write to {VALUE}"},
                {"role": "assistant", "content": None, "tool_calls": [given]},
                {"role": "tool", "tool_call_id": "c", "content": "bob@example.com"}]  # fmt: skip
    (chunk,) = await answered(gateway, ChatRequest.check({"model": "m", "messages": messages}), Call(recording))
    assert "example.com" not in json.dumps(provider.requests[0].body)
    (told,) = chunk.data["choices"][0]["message"]["tool_calls"]
    assert json.loads(told["function"]["arguments"]) == {"to": VALUE, "cc": "bob@example.com"}
