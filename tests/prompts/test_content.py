import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.prompts.content import MOST_CONTENT, MOST_TEMPLATE, Content, Message, Placeholder, content_of

CHAT = [
    {"role": "system", "content": "Answer in one sentence."},
    {"placeholder": "history"},
    {"role": "user", "content": [{"type": "text", "text": "{{ question }}"}, {"type": "image_url", "image_url": {}}]},
    {"role": "assistant", "tool_calls": [{"id": "1"}]},
]


def test_the_hash_tells_the_content_and_not_how_it_was_written() -> None:
    one = content_of({"template": "Hi {{ name }}", "params": {"temperature": 0, "seed": 7}})
    assert (
        one.hash
        == content_of({"params": {"seed": 7, "temperature": 0}, "type": "text", "template": "Hi {{ name }}"}).hash
    )
    others = [
        {"template": "Hi {{ name }}!"}, {"template": "Hi {{ name }}", "syntax": "mustache"},
        {"template": "Hi {{ name }}", "variables": {"name": {"untrusted": True}}},
    ]  # fmt: skip
    assert len({one.hash, *(content_of(other).hash for other in others)}) == 4
    assert content_of(one.to_json()) == one
    assert content_of(one.to_json()).hash == one.hash


def test_a_list_of_messages_is_a_chat() -> None:
    chat = content_of({"template": CHAT})
    assert chat.type == "chat"
    assert [type(one) for one in chat.template] == [Message, Placeholder, Message, Message]
    assert chat.texts == ["Answer in one sentence.", "{{ question }}"]
    assert content_of(chat.to_json()) == chat
    assert chat.to_json()["template"][3]["tool_calls"] == [{"id": "1"}]


def test_variables_are_told_as_a_schema() -> None:
    content = content_of({
        "template": "", "variables": {
            "question": {"untrusted": True, "max_chars": 10, "description": "asked"}, "tone": {"default": "dry"},
            "history": {"type": "messages"}, "kind": {"enum": ["a", "b"], "type": "string"},
        },
    })  # fmt: skip
    assert content.schema_of_variables == {
        "type": "object", "additionalProperties": False, "required": ["question", "history", "kind"], "properties": {
            "question": {"type": "string", "description": "asked", "maxLength": 10},
            "tone": {"type": "string", "default": "dry"},
            "history": {"type": "array", "items": {"type": "object"}},
            "kind": {"type": "string", "enum": ["a", "b"]},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "valid dictionary"),
        ({}, "template: Field required"),
        ({"template": "x", "temperature": 1}, "temperature: Extra inputs"),
        ({"type": "chat", "template": "x"}, "a chat prompt is a list of messages"),
        ({"type": "text", "template": CHAT}, "a text prompt is one text"),
        ({"template": []}, "at least 1 item"),
        ({"template": [{"role": "user"}]}, "template.0: a message needs 'content'"),
        ({"template": 5}, "template: Input should be a valid string, or: Input should be a valid list."),
        ({"template": [{"role": "user", "content": {}}]}, "template.0.content: Input should be a valid string, or"),
        ({"template": [{"placeholder": "a", "role": "x"}]}, "template.0.role: Extra inputs are not permitted."),
        ({"template": [{"placeholder": "a b"}]}, "template.0.placeholder: String should match"),
        ({"template": [{"role": "owner", "content": "x"}]}, "role"),
        ({"template": "x" * (MOST_TEMPLATE + 1)}, "262,145 characters"),
        ({"template": "x", "config": {"x": "y" * MOST_CONTENT}}, "the limit is 1,048,576"),
        ({"template": "a\0b"}, "NUL"),
        ({"template": "a", "config": {"a\0b": 1}}, "NUL"),
        ({"template": "a", "tools": [{"name": "\ud83d"}]}, "half of a surrogate pair"),
        ({"template": "a", "params": {"temperature": float("nan")}}, "nan is no number"),
        ({"template": "a", "params": {"model": "gpt-4"}}, "'model' belongs into 'model'"),
        ({"template": "a", "variables": {"a b": {}}}, "variables.a b"),
        ({"template": "a", "model": "a\nb"}, "model"),
    ],
    ids=range(21),
)
def test_what_cannot_be_kept_is_refused_with_its_place(given: object, said: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        content_of(given)
    assert said in told.value.message
    assert "[_" not in told.value.message
    assert len(told.value.message) < 1000


def test_what_is_nested_without_end_is_refused() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidRequest):
        content_of({"template": "a", "config": {"a": deep}})


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Content(template="a").template = "b"  # type: ignore[misc]
