import re

import pytest

from pilothouse import PromptTemplate
from pilothouse.errors import MissingVariable, NotFound, TemplateRefused
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.templates.rendering import render


class Kept:
    """A version of a prompt."""

    def __init__(self, name: str, number: int, content: Content) -> None:
        self.name, self.number, self.content = name, number, content


class Registry:
    """Prompts by reference; counts what is fetched."""

    def __init__(self, **texts: str) -> None:
        self.kept = {
            name: Kept(name, number, content_of({"template": text}))
            for number, (name, text) in enumerate(texts.items(), 1)
        }
        self.asked: list[str] = []

    def __call__(self, reference: str) -> Kept:
        self.asked.append(reference)
        name = reference.partition("#")[0]
        if name not in self.kept:
            raise NotFound(f"there is no prompt '{name}'.")
        return self.kept[name]


def test_what_was_included_is_told_by_number_and_fetched_once() -> None:
    fetch = Registry(tone="Be {{ kind }}. {% include 'lang' %}", lang="In {{ language }}.")
    content = content_of({"template": "{% include 'tone#production' %} {{ q }} {% include 'lang' %}"})
    made = render(content, {"kind": "dry", "language": "German", "q": "Why?"}, fetch=fetch)
    assert made.text == "Be dry. In German. Why? In German."
    assert made.included == ("tone@1", "lang@2")
    assert fetch.asked == ["tone#production", "lang"]


def test_names_set_at_the_place_are_no_variables() -> None:
    fetch = Registry(line="- {{ doc.title }}{{ loop.index }} {{ who }}\n")
    content = content_of({"template": "{% for doc in docs %}{% include 'line' %}{% endfor %}"})
    assert render(content, {"docs": [{"title": "A"}], "who": "x"}, fetch=fetch).text == "- A1 x\n"
    with pytest.raises(MissingVariable, match="'who' is missing"):
        render(content, {"docs": []}, fetch=fetch)


def test_what_it_sets_stays_inside() -> None:
    ours = PromptTemplate("{% set a = 1 %}{% include 'b' %}{{ a }}", includes={"b": "{% set a = 2 %}{{ a }}"})
    assert ours.format() == "21"


def test_its_declarations_count() -> None:
    inner = PromptTemplate(
        "{{ q }}{{ n }}", variables={"q": {"untrusted": True}, "n": {"type": "integer", "default": 5}}
    )
    ours = PromptTemplate("{% include 'inner' %}", includes={"inner": inner}, variables={"q": {"max_chars": 3}})
    assert str(ours.format(q="abc")).endswith("5")
    assert "<untrusted-" in str(ours.format(q="abc"))
    with pytest.raises(Exception, match="at most 3"):
        ours.format(q="abcd")


def test_what_a_part_calls_untrusted_is_so_when_the_whole_hands_it_over() -> None:
    line = {"doc": {"untrusted": True}, "sign": {"default": "-"}}
    jinja = PromptTemplate("{{ sign }}{{ doc }}", variables=line)
    ours = PromptTemplate(
        "{% for doc in docs %}{% include 'line' %}{% endfor %}{{ docs[0] }}", includes={"line": jinja}
    )
    made = str(ours.format(docs=["a", "b"]))
    assert re.sub(r"<(/?)untrusted-[0-9a-f]{16}>", r"<\1>", made) == "-<>a</>-<>b</>a"
    assert str(ours.format(docs=["a", "c"]))[:25] != made[:25]
    partial = PromptTemplate("{{sign}}{{doc}}", syntax="mustache", variables=line)
    ours = PromptTemplate("{{#docs}}{{> line}}{{/docs}}", syntax="mustache", includes={"line": partial})
    made = str(ours.format(docs=[{"doc": "a"}, {"doc": "b", "sign": "+"}]))
    assert re.sub(r"<(/?)untrusted-[0-9a-f]{16}>", r"<\1>", made) == "-<>a</>+<>b</>"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a": "{% include 'a' %}"}, "a@1, line 1: the prompt includes itself: a@1 → a@1."),
        ({"a": "\n{% include 'b' %}", "b": "{% include 'a' %}"}, "b@2, line 1: the prompt includes itself: a@1 → b@2"),
        ({}, "line 2: it includes 'a': there is no prompt 'a'."),
        ({"a": "{{ x"}, "a@1, line 1: unexpected end of template, expected 'end of print statement'."),
        ({"a": "{% if false %}{% include 'b' %}{% endif %}"}, "a@1, line 1: it includes 'b': there is no prompt 'b'."),
        ({c: "{% include '" + chr(ord(c) + 1) + "' %}" for c in "abcdefghij"}, "more than 8 deep"),
        ({"a": "".join("{% include 'n" + str(i) + "' %}" for i in range(70)), **{f"n{i}": "x" for i in range(70)}},
         "a@1, line 1: more than 64 prompts are included."),
    ],
)  # fmt: skip
def test_circles_and_depths_are_told(texts: dict[str, str], said: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        render(content_of({"template": "\n{% include 'a' %}"}), {}, fetch=Registry(**texts))
    assert said in raised.value.message


def test_many_includes_of_many_end_within_the_budget() -> None:
    texts = {c: ("{% include '" + chr(ord(c) + 1) + "' %}") * 200 if c < "g" else "x" for c in "abcdefg"}
    with pytest.raises(TemplateRefused, match="100,000 steps"):
        render(content_of({"template": "{% include 'a' %}"}), {}, fetch=Registry(**texts))
    texts = {
        c: "".join("{% set v" + f"{c}{i} = 1 %}}{{% include '{chr(ord(c) + 1)}' %}}" for i in range(200))
        if c < "g"
        else "x"
        for c in "abcdefg"
    }
    with pytest.raises(TemplateRefused, match="at more than 1,000 places"):
        render(content_of({"template": "{% include 'a' %}"}), {}, fetch=Registry(**texts))


def test_a_chat_is_not_included_and_nothing_without_a_registry() -> None:
    chat = PromptTemplate([{"role": "user", "content": "x"}])
    with pytest.raises(TemplateRefused, match="a chat; only texts"):
        PromptTemplate("{% include 'chat' %}", includes={"chat": chat})
    with pytest.raises(TemplateRefused, match="no other prompts are at hand"):
        render(content_of({"template": "{% include 'a' %}"}), {})
    with pytest.raises(TemplateRefused, match=r"Did you mean 'tone'\?"):
        PromptTemplate("{% include 'tome' %}", includes={"tone": "x"})
