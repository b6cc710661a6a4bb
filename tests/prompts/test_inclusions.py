import pytest

from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.content import content_of
from pilothouse.prompts.inclusions import included
from pilothouse.prompts.registry import Prompts

from .conftest import ANA, Make

P = "default"


@pytest.fixture(params=["sqlite"])
def settings(request: pytest.FixtureRequest, tmp_path: object) -> object:
    """SQL is that of the registry's own tests."""
    from pilothouse.settings import Settings

    return Settings(home=tmp_path / "home")  # type: ignore[operator]


@pytest.mark.parametrize(
    ("syntax", "template"),
    [
        (
            "jinja",
            "{% include 'a/b#x' %}{%- include \"c\" -%} {# {% include 'n' %} #}{% raw %}{% include 'n' %}{% endraw %}",
        ),
        ("mustache", "{{> a/b#x}} {{>c }} {{! {{> no}} }} {{c}}"),
        ("format", "{@a/b#x} {@ c } {{@no}} {c}"),
    ],
    ids=["jinja", "mustache", "format"],
)  # fmt: skip
def test_what_a_template_includes(syntax: str, template: str) -> None:
    assert [*map(str, included(content_of({"syntax": syntax, "template": template})).values())] == [
        "a/b#x",
        "c#production",
    ]
    chat = [{"role": "system", "content": template}, {"role": "user", "content": [{"type": "text", "text": template}]}]
    assert len(included(content_of({"syntax": syntax, "template": chat}))) == 2


def test_what_is_not_there_is_found_when_the_version_is_made_or_gets_its_label(prompts: Prompts, make: Make) -> None:
    for missing in ("{% include 'tone' %}", "{% include 'tone@1' %}", "{% include 'no such#label#' %}"):
        with pytest.raises(InvalidRequest):
            make("a", missing)
    make("tone")
    make("a", "{% include 'tone#production' %}")  # its label may still come
    with pytest.raises(InvalidRequest, match=r"includes 'a → tone#production': The prompt 'tone' has no label"):
        prompts.promote(P, "a", 1, by=ANA)
    prompts.promote(P, "tone", 1, by=ANA)
    prompts.promote(P, "a", 1, by=ANA)
    make("talk", [{"role": "user", "content": "hi"}], labels=["production"])
    with pytest.raises(InvalidRequest, match="a chat; only texts"):
        make("a", "{% include 'talk' %}")


def test_what_includes_itself_is_refused(prompts: Prompts, make: Make) -> None:
    with pytest.raises(InvalidRequest, match="includes itself: new → new#latest"):
        make("new", "{% include 'new#latest' %}")
    for name in ("a", "b", "c"):
        make(name, labels=["production"])
    make("a", "{% include 'b' %}", labels=["production"])
    make("b", "{{> c}}", labels=["production"], syntax="mustache")
    with pytest.raises(InvalidRequest, match="includes itself: c → a → b → c#production"):
        make("c", "{@a}", syntax="format")
    make("x", labels=["next"])
    make("x", "{% include 'a' %}")
    make("c", "{% include 'x#next' %}", labels=["production"])
    with pytest.raises(InvalidRequest, match="includes itself: x → a → b → c → x#next"):
        prompts.promote(P, "x", 2, "next", by=ANA)


def test_a_rollback_into_a_circle_is_refused(prompts: Prompts, make: Make) -> None:
    make("b", labels=["production"])
    make("a", "{% include 'b' %}", labels=["production"])
    make("a", "plain", labels=["production"])
    make("b", "{% include 'a' %}", labels=["production"])
    with pytest.raises(InvalidRequest, match="includes itself: a → b → a#production"):
        prompts.rollback(P, "a", by=ANA)


def test_inclusions_go_eight_deep(make: Make) -> None:
    make("p0", labels=["production"])
    for number in range(1, 9):
        make(f"p{number}", f"{{% include 'p{number - 1}' %}}" * 2, labels=["production"])
    with pytest.raises(InvalidRequest, match="deeper than 8"):
        make("p9", "{% include 'p8' %}")


def test_a_template_that_cannot_be_read_says_where(make: Make) -> None:
    with pytest.raises(TemplateRefused, match="line 2") as told:
        make("a", "fine\n{% include %}")
    assert told.value.line == 2
    with pytest.raises(TemplateRefused, match=r"messages\[1\]: "):
        make("a", [{"role": "system", "content": "fine"}, {"role": "user", "content": "{{ " + "(" * 5000}])
    with pytest.raises(InvalidRequest, match="the variable 'q' is not declared"):
        make("a", "{{ q }}", variables={"question": {}})
    make("a", "{{ question }}", variables={"question": {}, "unused": {}})
