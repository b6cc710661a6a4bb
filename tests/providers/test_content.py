"""Reading of messages: parts, media, tool calls, and what is malformed about them."""

from typing import Any

import pytest

from pilothouse import errors
from pilothouse.providers.content import Media, add_turn, calls_of, content_of, plain_text, tool_names
from pilothouse.types import Json


def values(content: Any) -> list[Any]:
    return [piece.value for piece in content_of({"content": content}, "messages[0]")]


def test_texts() -> None:
    assert values("Hi") == ["Hi"]
    assert values("") == values(None) == values([]) == values([{"type": "text", "text": ""}]) == []
    assert values([{"type": "text", "text": "A"}, {"type": "refusal", "refusal": "No."}]) == ["A", "No."]


def test_parts_of_unknown_types_come_as_they_are() -> None:
    for part in ({"type": "thinking", "thinking": "Hm."}, {"inlineData": {}}, {"type": "file", "source": {}}):
        assert values([part]) == [part]


def test_images() -> None:
    at = "messages[0].content[0].image_url"
    data = {"type": "image_url", "image_url": {"url": "data:image/png;charset=x;base64,AAAA", "detail": "high"}}
    assert values([data]) == [Media("image", at, "image/png", "AAAA", detail="high")]
    assert values([{"type": "image_url", "image_url": "https://x/y"}]) == [Media("image", at, url="https://x/y")]


@pytest.mark.parametrize(
    ("file", "media"),
    [
        (
            {"file_data": "data:text/csv;base64,AA==", "filename": "a.csv"},
            {"media_type": "text/csv", "data": "AA==", "name": "a.csv"},
        ),
        ({"file_data": "https://x/a.pdf"}, {"url": "https://x/a.pdf"}),
        ({"file_data": "AA=="}, {"media_type": "application/pdf", "data": "AA=="}),
        ({"file_id": "file-1"}, {"file_id": "file-1"}),
    ],
)
def test_files(file: Json, media: Json) -> None:
    assert values([{"type": "file", "file": file}]) == [Media("file", "messages[0].content[0].file", **media)]


def test_the_text_of_a_file() -> None:
    assert Media("file", "x", data="R3LDtsOfZQ==").text() == "Größe"
    for data in ("/w==", "a"):
        with pytest.raises(errors.InvalidRequest) as caught:
            Media("file", "messages[0].content[0].file", data=data).text()
        assert caught.value.param == "messages[0].content[0].file"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "text"}, "text"),
        ({"type": "text", "text": 5}, "text"),
        ({"type": "image_url"}, "image_url"),
        ({"type": "image_url", "image_url": {"href": "x"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,raw"}}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}, "image_url"),
        ({"type": "input_audio", "input_audio": {"data": "AA=="}}, "input_audio"),
        ({"type": "file", "file": "x"}, "file"),
    ],
)
def test_malformed_parts_are_named(part: Json, param: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        values([part])
    assert caught.value.param == f"messages[0].content[0].{param}"


def test_turns_of_one_role_are_one_and_none_is_empty() -> None:
    turns: list[Json] = []
    for role, parts in (("user", [{"a": 1}]), ("model", []), ("user", [{"b": 2}]), ("model", [{"c": 3}])):
        add_turn(turns, role, parts, "parts")
    assert turns == [{"role": "user", "parts": [{"a": 1}, {"b": 2}]}, {"role": "model", "parts": [{"c": 3}]}]


def test_plain_text() -> None:
    parts = [{"type": "text", "text": "A"}, {"type": "text", "text": "B"}, {"text": "C"}]
    assert plain_text({"content": parts}, "messages[0]", "Acme") == "A\nB\nC"
    with pytest.raises(errors.Unsupported, match="Acme takes no image by its address"):
        plain_text({"content": [{"type": "image_url", "image_url": "https://x"}]}, "messages[0]", "Acme")


def call(arguments: Any, **more: Any) -> Json:
    return {"id": "c", "function": {"name": "f", "arguments": arguments}, **more}


def test_tool_calls() -> None:
    body = call('{"x": 1}')
    assert calls_of({"tool_calls": [body]}, "messages[3]") == [("c", "f", {"x": 1}, body)]
    assert calls_of({"tool_calls": [call(None), call("")]}, "m")[1].arguments == {}
    assert calls_of({"tool_calls": None}, "m") == calls_of({}, "m") == []
    assert tool_names([{}, {"tool_calls": [call("{}", id="c9")]}]) == {"c9": "f"}


@pytest.mark.parametrize(
    "calls", [[call("{")], [call("[1]")], [call("[" * 5000)], [call({})], [{}], [5], "x", 5, [{"function": None}]]
)
def test_malformed_tool_calls_are_named(calls: Any) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        calls_of({"tool_calls": calls}, "messages[3]")
    assert str(caught.value.param).startswith("messages[3].tool_calls")
