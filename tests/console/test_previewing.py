"""What becomes of a draft: as it would be sent, with stand-ins for what is missing, and what is found in it."""

import pytest

from pilothouse.console.forms import Fields
from pilothouse.console.previewing import Said, preview_of, request_of, said_of
from pilothouse.errors import MissingVariable, NotFound
from pilothouse.prompts.content import content_of
from pilothouse.prompts.versions import Version

CHAT = content_of({
    "template": [
        {"role": "system", "content": "{% include 'tone#production' %}"},
        {"placeholder": "before"},
        {"role": "user", "content": [{"type": "text", "text": "{{ question }}"}]},
    ],
    "variables": {"before": {"type": "messages"}, "question": {}},
    "params": {"temperature": 0}, "tools": [{"type": "function", "function": {"name": "find"}}],
})  # fmt: skip


def fetch(reference: str) -> Version:
    if reference != "tone#production":
        raise NotFound(f"There is no prompt '{reference}'.")
    content = content_of({"template": "Be {{ mood }}.", "variables": {"mood": {"default": "calm"}}})
    return Version("default", "tone", 4, content, content.hash, "", "ada", 0)


def test_a_preview_shows_what_would_be_sent_with_stand_ins() -> None:
    shown = preview_of(CHAT, Fields({"value_question": ["Why?"]}), fetch, ["said0", "said1", "said3"])
    assert [slot.name for slot in shown.slots] == ["before", "question", "mood"]
    assert shown.said[0] == Said("system", "Be calm.")
    assert '"text": "Why?"' in shown.said[1].text
    assert (shown.included, shown.made_up, shown.problem) == (("tone@4",), ["before"], "")


def test_what_is_asked_is_what_was_shown_and_nothing_is_made_up() -> None:
    values = Fields({"value_question": ["Why?"], "value_before": ["[]"], "value_mood": ["warm"]})
    request = request_of(CHAT, values, fetch, "fast")
    assert request.messages[0] == {"role": "system", "content": "Be warm."}
    assert (request.model, request.stream, request.body["temperature"]) == ("fast", True, 0)
    assert request.tools == CHAT.tools
    with pytest.raises(MissingVariable, match="'before' is missing"):
        request_of(CHAT, Fields({"value_question": ["Why?"]}), fetch, "fast")


def test_variables_that_nobody_declared_can_be_given() -> None:
    content = content_of({"template": "{{ a }} {% if b %}{{ b }}{% endif %}"})
    shown = preview_of(content, Fields({"value_a": ["x"]}), fetch, ["text"])
    assert [slot.name for slot in shown.slots] == ["a", "b"]
    assert (shown.said, shown.made_up) == ([Said("text", "x ‹b›")], ["b"])


def test_findings_are_at_the_line_of_their_field() -> None:
    content = content_of({"template": [
        {"role": "system", "content": "You are a clerk.\nThis is {{ odd }}."}, {"role": "user", "content": "{{ q }}"},
    ], "variables": {"q": {}}})  # fmt: skip
    notes = preview_of(content, Fields(), fetch, ["said0", "said2"]).notes
    assert ("said0", 2, "message 1, line 2") in {(note.field, note.line, note.place) for note in notes}
    broken = preview_of(content_of({"template": "a\n{{ b"}), Fields(), fetch, ["text"])
    assert next((note.rule, note.field, note.line) for note in broken.notes) == ("syntax", "text", 2)
    assert (broken.problem, broken.said) == ("", ())


def test_a_content_as_it_was_written() -> None:
    assert said_of(content_of({"template": "a {{ b }}"})) == [Said("text", "a {{ b }}")]
    said = said_of(CHAT)
    assert said[1] == Said("messages", "those of the variable before")
    assert said[2].code
