from typing import Any

import pytest

from pilothouse.errors import BadVariable, InvalidRequest, MissingVariable, TemplateRefused
from pilothouse.prompts.content import content_of
from pilothouse.prompts.templates.rendering import prepare, render

CHAT: list[Any] = [
    {"role": "system", "content": "Be {{ tone }}."},
    {"placeholder": "history"},
    {"role": "user", "content": [
        {"type": "text", "text": "{{ question }}"}, {"type": "image_url", "image_url": {"url": "{{ image }}"}},
    ]},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "{{ not }}"}]},
]  # fmt: skip
SAID = [{"role": "user", "content": "{{ tone }}"}, {"role": "assistant", "content": "Hello."}]


def test_a_chat_has_its_texts_filled_and_its_placeholder_replaced() -> None:
    made = render(
        content_of({"template": CHAT}),
        {"tone": "dry", "history": SAID, "question": "What?", "image": "https://x/y.png"},
    )
    assert made.messages == (
        {"role": "system", "content": "Be dry."},
        *SAID,
        {"role": "user", "content": [
            {"type": "text", "text": "What?"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "{{ not }}"}]},
    )  # fmt: skip
    assert made.text is None
    assert made.as_messages == list(made.messages)


def test_a_text_is_a_message_of_the_user() -> None:
    made = render(content_of({"template": "Hi {{ name }}"}), {"name": "Ada"})
    assert made.as_messages == [{"role": "user", "content": "Hi Ada"}]
    assert (made.chars, made.included) == (6, ())
    assert 0 < made.steps < 10


def test_a_placeholder_takes_a_list_of_messages() -> None:
    content = content_of({"template": CHAT[1:2]})
    with pytest.raises(MissingVariable, match="'history' is missing"):
        render(content, {})
    for wrong in ("text", [1], [{"content": "a"}], {"role": "user", "content": "a"}):
        with pytest.raises(BadVariable, match="history"):
            render(content, {"history": wrong})
    assert render(content, {"history": []}).messages == ()


def test_the_budget_is_for_all_messages_together() -> None:
    loop = {"role": "user", "content": "{% for i in range(9000) %}a{% endfor %}"}
    assert len(render(content_of({"template": [loop]}), {}).as_messages) == 1
    with pytest.raises(TemplateRefused, match=r"messages\[\d\], line 1: .* 100,000 steps"):
        render(content_of({"template": [loop, {**loop, "role": "assistant"}] * 4}), {})


def test_an_error_tells_message_and_line() -> None:
    content = content_of({"template": [{"role": "system", "content": "a"}, {"role": "user", "content": "\n{{ a.b }}"}]})
    with pytest.raises(MissingVariable, match=r"messages\[1\], line 2: an object has no 'b'"):
        render(content, {"a": {}})
    with pytest.raises(TemplateRefused, match=r"messages\[0\], line 1:"):
        prepare(content_of({"template": [{"role": "user", "content": "{{"}]}))
    with pytest.raises(BadVariable, match="The variables are an object"):
        render(content, [])  # type: ignore[arg-type]


PAIRS = [{"input": {"q": "1+1"}, "output": "2"}, {"input": "as it is", "output": "3"}]


def test_examples_are_pairs_before_the_last_question() -> None:
    template = [
        {"role": "system", "content": "Add."},
        {"role": "user", "content": "first"},
        {"role": "user", "content": "Q: {{ q }}{{ end }}"},
    ]
    given = {"template": template, "examples": PAIRS}
    made = render(content_of(given), {"q": "2+2", "end": "?"}).as_messages
    assert [(one["role"], one["content"]) for one in made] == [
        ("system", "Add."), ("user", "first"), ("user", "Q: 1+1?"), ("assistant", "2"), ("user", "as it is"),
        ("assistant", "3"), ("user", "Q: 2+2?"),
    ]  # fmt: skip


def test_what_is_untrusted_is_so_in_examples() -> None:
    given = {"template": [{"role": "user", "content": "{{ q }}"}], "variables": {"q": {"untrusted": True}}}
    made = render(content_of({**given, "examples": PAIRS[:1]}), {"q": "2+2"}).as_messages
    assert [one["content"][:11] for one in made] == ["<untrusted-", "2", "<untrusted-"]


def test_a_placeholder_says_where_the_examples_stand() -> None:
    template = [{"placeholder": "examples"}, {"role": "system", "content": "Add."}]
    made = render(content_of({"template": template, "examples": PAIRS}), {}).as_messages
    assert [one["content"] for one in made] == ["1+1", "2", "as it is", "3", "Add."]


@pytest.mark.parametrize(
    ("template", "syntax"), [("Answer.{{ examples }}|", "jinja"), ("Answer.{{examples}}|", "mustache")]
)
def test_examples_of_a_text_are_a_block(template: str, syntax: str) -> None:
    block = "Examples:\n\nInput: 1+1\nOutput: 2\n\nInput: as it is\nOutput: 3"
    given = {"template": template, "syntax": syntax, "examples": PAIRS}
    assert render(content_of(given), {}).text == f"Answer.{block}|"
    assert render(content_of({**given, "template": "Answer."}), {}).text == f"{block}\n\nAnswer."
    with pytest.raises(InvalidRequest, match="'examples' stands for the few-shot examples"):
        render(content_of({**given, "variables": {"examples": {}}}), {})


def test_what_is_read_once_renders_often() -> None:
    ready = prepare(content_of({"template": "{{ a }}"}))
    assert [ready.render({"a": i}).text for i in range(3)] == ["0", "1", "2"]
