"""Two versions of a prompt side by side: the template by words, the rest by fields."""

from pilothouse.console.versus import template_text, versus
from pilothouse.prompts.content import content_of


def test_a_chat_is_read_as_one_text() -> None:
    chat = content_of({"template": [
        {"role": "system", "content": "Be brief."}, {"placeholder": "before"},
        {"role": "user", "content": [{"type": "text", "text": "{{ q }}"}]},
        {"role": "assistant", "tool_calls": [{"id": "1"}]},
    ]})  # fmt: skip
    lines = template_text(chat).splitlines()
    assert lines[:4] == ["[system]", "Be brief.", "", "[messages of before]"]
    assert "[assistant]" in lines
    assert '"id": "1"' in template_text(chat)


def test_what_differs_besides_the_template() -> None:
    find, sum_up = ({"type": "function", "function": {"name": name}} for name in ("find", "sum_up"))
    old = content_of({"template": "a", "model": "fast", "tools": [sum_up], "variables": {"x": {}, "y": {"default": 1}}})
    new = content_of(
        {"template": "a", "params": {"top_p": 1}, "tools": [find, sum_up], "variables": {"x": {"untrusted": True}}}
    )
    told = versus(old, new)
    assert (told.folds, told.changed) == ([], 0)
    assert {(title, change.key, change.old, change.new) for title, rows in told.rest for change in rows} == {
        ("Variables", "x.untrusted", None, True), ("Variables", "x.spotlight", None, "delimit"),
        ("Variables", "y.type", "string", None), ("Variables", "y.default", 1, None),
        ("Model and parameters", "model", "fast", None), ("Model and parameters", "top_p", None, 1),
        ("Tools", "find.type", None, "function"), ("Tools", "find.function.name", None, "find"),
    }  # fmt: skip
    assert versus(old, old).rest == []


def test_what_is_too_long_for_a_page_is_cut() -> None:
    old, new = (content_of({"template": "\n".join(f"{n} {word}" for n in range(3000))}) for word in ("a", "b"))
    told = versus(old, new)
    assert (told.cut, told.changed, sum(len(fold.rows) for fold in told.folds)) == (True, 3000, 1500)
    assert versus(old, old, whole=True).cut
