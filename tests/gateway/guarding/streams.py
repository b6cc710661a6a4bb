"""What must hold of a stream of any dialect, whoever ended it."""

from collections.abc import Sequence
from typing import Any

from pilothouse.types import ChatChunk, Json, Operation

_LIFECYCLE = ("response.created", "response.in_progress", "response.queued")


def check_stream(operation: Operation, chunks: Sequence[ChatChunk]) -> None:
    """Every part that began has ended, once; numbers go up by one; what is told twice is the same twice."""
    told = [chunk.data for chunk in chunks]
    {"messages": _messages, "responses": _responses}.get(operation, _choices)(told)


def _choices(told: Sequence[Json]) -> None:
    finishes = [one["index"] for data in told for one in data["choices"] if one.get("finish_reason")]
    assert finishes == sorted({one["index"] for data in told for one in data["choices"]})


def _messages(told: Sequence[Json]) -> None:
    kinds = [data["type"] for data in told if data["type"] != "ping"]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    open_, begun = set[int](), 0
    for data in told:
        if data["type"] == "content_block_start":
            assert (data["index"], open_) == (begun, set())
            begun += 1
            open_.add(data["index"])
        elif data["type"] == "content_block_delta":
            assert data["index"] in open_
        elif data["type"] == "content_block_stop":
            open_.remove(data["index"])
    assert not open_


def _responses(told: Sequence[Json]) -> None:
    assert [data["sequence_number"] for data in told] == [*range(len(told))]
    said, whole, items = dict[Any, str](), dict[Any, str](), dict[int, Json]()
    for data in told:
        place = (data.get("output_index"), data.get("content_index"))
        match data["type"]:
            case "response.output_text.delta":
                said[place] = said.get(place, "") + data["delta"]
            case "response.output_text.done":
                whole[place] = data["text"]
            case "response.content_part.done":
                assert data["part"].get("text") == whole.get(place)
            case "response.output_item.done":
                items[data["output_index"]] = data["item"]
    assert {place: text for place, text in whole.items() if text} == said
    ending = told[-1]
    assert ending["type"] in ("response.completed", "response.incomplete")
    assert ending["response"]["output"] == [items[at] for at in sorted(items)]
