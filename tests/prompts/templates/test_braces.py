import pytest

from pilothouse import PromptTemplate
from pilothouse.errors import InvalidRequest, TemplateRefused


def test_places_braces_comments_and_formats() -> None:
    template = '{{"a": "{name}"}} {price:,.2f} {name:>5}|{n:05d} {flags} {# lint: disable=P105 #}{none}.'
    made = PromptTemplate(template, syntax="format").format(name="Ada", price=1234.5, n=42, flags=[True], none=None)
    assert made == '{"a": "Ada"} 1,234.50   Ada|00042 [true] .'


def test_python_means_the_same() -> None:
    for template in ("{a} {{b}} {a:<6}|{a:^7}|{n:8.3f}|{n:%}|{n:e}|{a:.2s}", "}}{{", "plain\n"):
        given = {"a": "text", "n": 0.5} if "{a}" in template else {}
        assert PromptTemplate(template, syntax="format").format(**given) == template.format(**given)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        (
            "a\n{x.y}",
            "line 2: '{x.y}': fields, items and conversions are refused: pass the value itself as a variable.",
        ),
        ("{", "line 1: '{' is not closed: write '{{' for a brace."),
        ("{}", "line 1: '{}': a place is '{name}'; write '{{' for a brace."),
        ("a }", "line 1: a '}' closes nothing: write '}}' for a brace."),
        ("{x:1000}", "line 1: '{x:1000}': a format is as '>20', '08', ',.2f' or '.1%', of at most 999 characters."),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(template: str, said: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        PromptTemplate(template, syntax="format")
    assert raised.value.message == said


def test_a_format_that_does_not_fit_its_value() -> None:
    with pytest.raises(InvalidRequest, match=r"'x', a text, does not take the format '.2f'"):
        PromptTemplate("{x:.2f}", syntax="format").format(x="a")
    with pytest.raises(InvalidRequest, match="'x', a number, does not take the format 'd'"):
        PromptTemplate("{x:d}", syntax="format").format(x=1.5)


def test_one_syntax_includes_another() -> None:
    ours = PromptTemplate("{@tone} {q}", syntax="format", includes={"tone": "Be {% if kind %}kind{% endif %}."})
    assert ours.format(q="Why?", kind=True) == "Be kind. Why?"
