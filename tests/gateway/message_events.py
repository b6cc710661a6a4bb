"""Reads a stream of Anthropic's events as a strict client would: every rule of their order is checked."""

from collections.abc import Iterable

import msgspec

from pilothouse.types import ChatChunk, Json


def read_message(chunks: Iterable[ChatChunk]) -> Json:
    """The Message that the events add up to. Fails the test where the stream is not well-formed."""
    events = [(chunk, chunk.data) for chunk in chunks]
    kinds = [data["type"] for _, data in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert set(kinds[1:-2]) <= {"content_block_start", "content_block_delta", "content_block_stop"}
    message: Json = events[0][1]["message"]
    assert message["content"] == []
    is_open = False
    for chunk, data in events:
        assert chunk.event == data["type"].encode()
        assert b"\n" not in chunk.raw
        match data["type"]:
            case "content_block_start":
                assert not is_open
                assert data["index"] == len(message["content"])
                message["content"].append({**data["content_block"], "json": ""})
                is_open = True
            case "content_block_delta":
                assert is_open
                assert data["index"] == len(message["content"]) - 1
                _add(message["content"][-1], data["delta"])
            case "content_block_stop":
                assert is_open
                assert data["index"] == len(message["content"]) - 1
                is_open = False
            case "message_delta":
                assert not is_open
                message = {**message, **data["delta"], "usage": {**message["usage"], **data["usage"]}}
    for block in message["content"]:
        arguments = block.pop("json")
        if block["type"] == "tool_use":
            assert block["input"] == {}
            block["input"] = msgspec.json.decode(arguments or "{}")
    return message


def _add(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "text_delta":
            assert block["type"] == "text"
            assert delta["text"]
            block["text"] += delta["text"]
        case "thinking_delta":
            assert block["type"] == "thinking"
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            assert block["type"] == "thinking"
            block["signature"] += delta["signature"]
        case "input_json_delta":
            assert block["type"] == "tool_use"
            block["json"] += delta["partial_json"]
        case kind:
            raise AssertionError(f"no delta is called {kind}")
