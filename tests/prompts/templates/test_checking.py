from pilothouse.errors import NotFound
from pilothouse.prompts.content import content_of
from pilothouse.prompts.templates.checking import Named, Problem, check, variables_of


def test_variables_are_told_with_their_places() -> None:
    template = [
        {"role": "system", "content": "a\n{{ tone|default('dry') }}{% for d in docs %}{{ d }}{% endfor %}"},
        {"placeholder": "history"},
        {"role": "user", "content": "{{ q }}{{ tone }}"},
    ]
    assert variables_of(content_of({"template": template})) == [
        Named("tone", 2, True, 0), Named("docs", 2, True, 0), Named("history", 1, True, 1), Named("q", 1, True, 2),
    ]  # fmt: skip


def test_a_sound_prompt_has_no_problem() -> None:
    assert check(content_of({"template": "{{ a }}"})) == []
    assert check(content_of({"template": "{{ a }}{{ examples }}", "examples": [{"input": "x", "output": "y"}]})) == []


def test_each_problem_has_its_place() -> None:
    broken = [{"role": "user", "content": "\n{{ a"}, {"role": "user", "content": "{% macro m() %}{% endmacro %}"}]
    found = check(content_of({"template": broken}))
    assert [(one.kind, one.line, one.message) for one in found] == [("syntax", 2, 0), ("syntax", 1, 1)]
    assert found[0].told.startswith("messages[0], line 2: unexpected end of template")
    variables = {"question": {"type": "integer", "default": "x"}, "spare": {}}
    assert check(content_of({"template": "a\n{{ queston }}", "variables": variables})) == [
        Problem("variable", "its default is wrong: 'question' is of type integer, not a text."),
        Problem("undefined", "the variable 'queston' is not declared. Did you mean 'question'?", 2),
        Problem("unused", "the variable 'question' is declared and not used."),
        Problem("unused", "the variable 'spare' is declared and not used."),
    ]


def test_inclusions_are_looked_at_where_there_is_a_registry() -> None:
    def nothing(reference: str) -> None:
        raise NotFound(f"there is no prompt '{reference}'.")

    content = content_of({"template": "{% include 'tone' %}", "variables": {"kind": {}}})
    assert check(content) == []
    found = check(content, fetch=nothing)  # type: ignore[arg-type]
    assert found[0] == Problem("include", "line 1: it includes 'tone': there is no prompt 'tone'.", 1)
