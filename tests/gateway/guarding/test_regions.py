from typing import Any

import pytest

from pilothouse.gateway.dialects.messages import read_request
from pilothouse.gateway.dialects.responses import checked_response, response_request
from pilothouse.gateway.guarding.regions import Region, regions, rewritten, unread
from pilothouse.passages import format_passages, parse_passages
from pilothouse.types import ChatRequest, Hit

CHAT = ChatRequest.check({
    "model": "m",
    "messages": [
        {"role": "developer", "content": "rules"},
        {"role": "user", "content": [
            {"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":"b"}'}}]},
        {"role": "tool", "tool_call_id": "1", "content": "found"},
    ],
})  # fmt: skip
MESSAGES = read_request({
    "model": "m", "max_tokens": 5, "system": [{"type": "text", "text": "rules"}],
    "messages": [
        {"role": "user", "content": [
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a page"}},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "eA=="}},
            {"type": "text", "text": "look"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {"a": {"b": ["c"]}}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": [
            {"type": "text", "text": "found"}]}]},
    ],
})  # fmt: skip
RESPONSE = response_request(checked_response({
    "model": "m", "instructions": "rules",
    "input": [
        {"role": "user", "content": [{"type": "input_text", "text": "look"}]},
        {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "1", "output": "found"},
    ],
}))  # fmt: skip


def _told(request: ChatRequest) -> list[tuple[str, str, str]]:
    return [(one.text, one.stage, one.role) for one in regions(request)]


def test_every_text_of_a_chat_has_its_stage_and_who_wrote_it() -> None:
    assert _told(CHAT) == [
        ("rules", "input", "system"), ("look", "input", "user"), ('{"a":"b"}', "tool", "assistant"),
        ("found", "tool", "tool"),
    ]  # fmt: skip
    assert unread(CHAT) == ["image_url"]


def test_every_text_of_a_message_has() -> None:
    assert _told(MESSAGES) == [
        ("rules", "input", "system"), ("a page", "retrieval", "document"), ("look", "input", "user"),
        ("c", "tool", "assistant"), ("found", "tool", "tool"),
    ]  # fmt: skip
    assert unread(MESSAGES) == ["image"]


def test_every_text_of_a_response_has() -> None:
    assert _told(RESPONSE) == [
        ("rules", "input", "system"), ("look", "input", "user"), ("{}", "tool", "assistant"), ("found", "tool", "tool"),
    ]  # fmt: skip


@pytest.mark.parametrize("request_", [CHAT, MESSAGES, RESPONSE], ids=["chat", "messages", "responses"])
def test_every_text_can_be_another_and_the_given_request_stays(request_: ChatRequest) -> None:
    before = _told(request_)
    wanted = {one: "1" if one.text == "{}" else f"<{one.text}>" for one in regions(request_)}
    made = rewritten(request_, wanted)
    assert [text for text, *_ in _told(made)] == [*wanted.values()]
    assert "<look>" in made.last_user_text()
    assert _told(request_) == before


def test_passages_are_texts_of_their_own() -> None:
    hits = [Hit("1", "first\n\ntext", "a.md", "A"), Hit("2", "second", "b.md", "B")]
    asked = f"Read this.\n\n{format_passages(hits)}\n\nQuestion: what?"
    request = ChatRequest.check({"model": "m", "messages": [{"role": "user", "content": asked}]})
    found = regions(request)
    assert [(one.text.strip(), one.stage) for one in found] == [
        ("Read this.", "input"), ("first\n\ntext", "retrieval"), ("second", "retrieval"), ("Question: what?", "input"),
    ]  # fmt: skip
    made = rewritten(request, {found[1]: "", found[3]: "Question: why?"})
    passages, question = parse_passages(made.last_user_text())
    assert [one.text for one in passages] == ["", "second"]
    assert question == "why?"


@pytest.mark.parametrize("content", [None, 3, [], [None], [{"type": 1}], [{"type": "text"}], "", {"a": 1}], ids=repr)
def test_what_is_no_text_is_no_region(content: Any) -> None:
    request = ChatRequest({"model": "m", "messages": [{"role": "user", "content": content}, None]})
    assert [one.text for one in regions(request)] in ([], [""])
    assert unread(request) == []


def test_completions_have_one_prompt_or_several() -> None:
    request = ChatRequest.check({"model": "m", "prompt": ["a", "b"]}, "text_completion")
    assert _told(request) == [("a", "input", "user"), ("b", "input", "user")]
    assert rewritten(request, {regions(request)[1]: "c"}).body["prompt"] == ["a", "c"]
    assert isinstance(regions(request)[0], Region)
