import pytest

from pilothouse import PromptTemplate
from pilothouse.errors import MissingVariable, TemplateRefused
from pilothouse.types import Json

SPEC: list[tuple[str, Json, str]] = [
    ("Hi {{ name }}, {{{name}}} {{&name}}", {"name": "<b>"}, "Hi <b>, <b> <b>"),
    ("{{a.b.c}}", {"a": {"b": {"c": 1}}}, "1"),
    ("{{n}} {{f}} {{t}} {{none}} {{l}} {{o}}", {"n": 0, "f": 1.5, "t": True, "none": None, "l": [1], "o": {"a": "é"}},
     '0 1.5 true  [1] {"a": "é"}'),
    ("{{#l}}{{.}},{{/l}}", {"l": [1, "a", None]}, "1,a,,"),
    ("{{#l}}{{name}}{{other}} {{/l}}", {"l": [{"name": "a"}, {"name": "b"}], "other": "!"}, "a! b! "),
    ("{{#o}}{{x}}{{/o}}{{#s}}[{{.}}]{{/s}}", {"o": {"x": 1}, "s": "text"}, "1[text]"),
    ("{{#a}}A{{/a}}{{^a}}B{{/a}}", {"a": False}, "B"),
    ("{{#a}}A{{/a}}{{^a}}B{{/a}}", {"a": []}, "B"),
    ("{{#a}}A{{/a}}{{^a}}B{{/a}}", {"a": 0}, "A"),
    ("{{#a}}A{{/a}}{{^a}}B{{/a}}", {}, "B"),
    ("x{{! a comment with } and \n a line }}y", {}, "xy"),
    ("a\n{{#l}}\n- {{.}}\n{{/l}}\n{{! gone }}\nb\n", {"l": [1, 2]}, "a\n- 1\n- 2\nb\n"),
    ("a\r\n  {{#t}}  \r\nb\r\n  {{/t}}\r\nc", {"t": True}, "a\r\nb\r\nc"),
    ("  {{#t}}x{{/t}}\n", {"t": True}, "  x\n"),
    ("{{#a}}{{#b}}{{c}}{{/b}}{{/a}}", {"a": {"b": {"c": "in"}}}, "in"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "given", "made"), SPEC, ids=range(len(SPEC)))
def test_what_mustache_says(template: str, given: Json, made: str) -> None:
    assert PromptTemplate(template, syntax="mustache").format(**given) == made


def test_a_partial_sees_what_is_around_it() -> None:
    ours = PromptTemplate(
        "{{#docs}}\n{{> line#production}}\n{{/docs}}\n",
        syntax="mustache",
        includes={"line#production": PromptTemplate("- {{title}} for {{who}}\n", syntax="mustache")},
    )
    assert ours.format(docs=[{"title": "A"}, {"title": "B"}], who="Ada") == "- A for Ada\n- B for Ada\n"


def test_a_name_that_is_nowhere_is_an_error() -> None:
    ours = PromptTemplate("{{#docs}}\n{{titel}}\n{{/docs}}", syntax="mustache")
    with pytest.raises(MissingVariable, match=r"line 2: 'titel' is not set here. Did you mean 'title'\?"):
        ours.format(docs=[{"title": 1}])
    with pytest.raises(MissingVariable, match="an object has no 'b'"):
        PromptTemplate("{{a.b}}", syntax="mustache").format(a={"c": 1})


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n{{x", "line 2: '{{' is not closed."),
        ("{{#a}}\n{{#b}}\n{{/a}}", "line 3: 'a' is closed, but the open one is 'b'."),
        ("\n{{#a}}", "line 2: the section 'a' is not closed."),
        ("{{/a}}", "line 1: 'a' is closed, but no section is open."),
        ("{{=<% %>=}}", "line 1: other delimiters are not supported."),
        ("{{a b}}", "line 1: 'a b' is no name."),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(template: str, said: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        PromptTemplate(template, syntax="mustache")
    assert raised.value.message == said
