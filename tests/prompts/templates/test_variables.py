from typing import Any

import pytest

from pilothouse import PromptTemplate
from pilothouse.errors import BadVariable, InvalidRequest, MissingVariable, UnknownVariable

DECLARED = {
    "question": {"max_chars": 10},
    "count": {"type": "integer", "default": 3},
    "rate": {"type": "number", "default": 0.5},
    "tone": {"enum": ["dry", "warm"], "default": "dry"},
    "strict": {"type": "boolean", "default": False},
    "docs": {"type": "list", "default": []},
    "user": {"type": "object", "default": {}},
    "said": {"type": "messages", "default": []},
}
ALL = PromptTemplate(
    "{{ question }}{{ count }}{{ rate }}{{ tone }}{{ strict }}{{ docs }}{{ user }}", variables=DECLARED
)


def test_defaults_stand_in() -> None:
    assert ALL.format(question="Why?") == "Why?30.5dryFalse[]{}"
    assert ALL.format(question="", rate=2, tone="warm", strict=True, docs=("a",)) == "32warmTrue['a']{}"
    assert ALL.schema["required"] == ["question"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"question": 3}, "'question' is of type string, not a whole number."),
        ({"question": None}, "'question' is of type string, not null."),
        ({"question": "longer than it"}, "'question' has 14 characters; at most 10 are allowed."),
        ({"question": "", "count": True}, "'count' is of type integer, not a truth value."),
        ({"question": "", "count": 1.0}, "'count' is of type integer, not a number."),
        ({"question": "", "rate": "1"}, "'rate' is of type number, not a text."),
        ({"question": "", "tone": "cold"}, "'tone' is one of 'dry', 'warm', not 'cold'."),
        ({"question": "", "docs": {}}, "'docs' is of type list, not an object."),
        ({"question": "", "said": [{"role": "root", "content": ""}]}, "'said[0]' is no message: it has a 'role'"),
        ({"question": "", "said": [{"role": "tool", "id": "x", "content": 5}]}, "'said[0]' needs a 'content'"),
        ({"question": "", "said": [{"role": "user"}]}, "'said[0]' needs a 'content', a text or a list of parts."),
        ({"question": "", "docs": [object()]}, "'docs' holds a Python object; a variable is text, number,"),
        ({"question": "", "docs": [{1: 2}]}, "'docs' has a key that is a whole number; keys are texts."),
        ({"question": "", "rate": float("inf")}, "'rate' holds inf, which is no number of JSON."),
        ({"question": "", "count": 2**63}, "'count' holds a number of more than 64 bits; pass it as a text."),
        ({"question": "\ud800"}, "'question' holds half of a surrogate pair, which is no character."),
        ({"question": "", "docs": ["a" * 600_000, "b" * 600_000]}, "The variables hold more than 1,048,576 bytes"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadVariable) as raised:
        ALL.format(**given)
    assert raised.value.message.startswith(said)
    assert raised.value.param in given


def test_nesting_has_an_end() -> None:
    deep: Any = []
    for _ in range(3000):
        deep = [deep]
    with pytest.raises(BadVariable, match="nested more than 64 deep"):
        ALL.format(question="", docs=deep)


def test_missing_and_extra_ones_are_named_with_the_nearest() -> None:
    with pytest.raises(MissingVariable, match=r"The variable 'question' is missing.") as missing:
        ALL.format()
    assert missing.value.param == "question"
    with pytest.raises(UnknownVariable, match=r"has no variable 'quesiton'. Did you mean 'question'\?") as extra:
        ALL.format(quesiton="")
    assert extra.value.param == "quesiton"
    with pytest.raises(MissingVariable, match=r"'a' is missing \(2 are: a, b\)"):
        PromptTemplate("{{ a }}{{ b }}").format()
    with pytest.raises(UnknownVariable, match="It has no variables"):
        PromptTemplate("fixed").format(a=1)
    with pytest.raises(BadVariable, match="at most 1,000"):
        ALL.format(**{f"v{i}": 1 for i in range(1001)})


def test_what_a_template_only_asks_about_may_be_left_out() -> None:
    ours = PromptTemplate("{{ a|default('none') }}{% if b is defined %}{{ b }}{% endif %}")
    assert ours.variables == ("a", "b")
    with pytest.raises(MissingVariable, match="'b' is missing"):
        ours.format()
    assert PromptTemplate("{{ a|default('none') }}").format() == "none"


def test_the_given_values_are_not_changed() -> None:
    docs = [{"t": "a"}]
    PromptTemplate("{% for d in docs %}{% set d = 1 %}{% endfor %}{{ docs }}").format(docs=docs)
    assert docs == [{"t": "a"}]


def test_a_declaration_that_is_wrong_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"variables\.a\.type"):
        PromptTemplate("{{ a }}", variables={"a": {"type": "text"}})
    with pytest.raises(BadVariable, match="default of a variable is wrong: 'a' is of type integer, not a text"):
        PromptTemplate("{{ a }}", variables={"a": {"type": "integer", "default": "x"}})
