import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, StrictUndefined

from pilothouse import PromptTemplate
from pilothouse.errors import MissingVariable, TemplateRefused

PLAIN = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
DATA = {
    "name": "Ada Lovelace",
    "n": 7,
    "rate": 2.5,
    "yes": True,
    "empty": [],
    "words": ["pear", "Apple", "fig", "pear"],
    "docs": [
        {"title": "One", "text": "first\nline", "score": 0.5, "tags": ["a", "b"]},
        {"title": "Two", "text": "second", "score": 0.25, "tags": []},
    ],
    "user": {"name": "Bob", "address": {"city": "Basel"}},
}
SAME = r"""
Hi {{ name }}, {{ n }} {{ rate }} {{ yes }} {{ user.address.city }} {{ user['name'] }} {{ words[0] }} {{ words[-1] }}
{% for w in words %}{{ loop.index }}/{{ loop.length }} {{ w }}{% if not loop.last %}, {% endif %}{% endfor %}
{% for d in docs if d.score > 0.3 %}{{ d.title }}{{ loop.revindex }}{% else %}none{% endfor %}
{% for d in empty %}x{% else %}nothing{% endfor %}{% for a, b in user.items() %}{{ a }}{% endfor %}
{%- for d in docs -%} [{{ d.title }}] {%- for t in d.tags %}{{ t }}{{ loop.first }}{% endfor %} {% endfor %}
{% set x = 1 %}{% for i in range(3) %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}
{% set a, b = [1, 2] %}{{ a }}{{ b }}{% with t = n * 2, u = 'z' %}{{ t }}{{ u }}{% endwith %}
{% if n == 7 and not empty %}A{% elif n > 3 %}B{% else %}C{% endif %}
{{ 'yes' if n is odd else 'no' }} {{ n + 1 }} {{ n - 1 }} {{ n * 2 }} {{ n / 2 }} {{ n // 2 }} {{ n % 4 }}
{{ n ** 2 }} {{ -n }}
{{ 'a' ~ n ~ none }} {{ 'ab' * 3 }} {{ [1] + [2] }} {{ 1 < n <= 7 }} {{ 'pe' in 'pear' }} {{ 'fig' in words }}
{{ 'x' not in user }}
{{ name|upper }} {{ name|lower }} {{ name|title }} {{ 'hI-yo (x'|title }} {{ name|capitalize }}
{{ ' x '|trim }}| {{ 'xxhxx'|trim('x') }}
{{ words|join(', ') }} {{ words|sort }} {{ words|sort(reverse=true, case_sensitive=true) }} {{ words|unique|list }}
{{ words|first }} {{ words|last }} {{ words|length }} {{ words|reverse|list }} {{ words|map('upper')|join }}
{{ words|max }}
{{ docs|map(attribute='title')|join('/') }} {{ docs|sort(attribute='score')|map(attribute='title')|join }}
{{ docs|length }}
{{ docs|selectattr('score', 'gt', 0.3)|map(attribute='title')|list }}
{{ docs|rejectattr('tags')|map(attribute='title')|list }}
{{ docs|sum(attribute='score') }} {{ [3, 1, 2]|sum }} {{ [3, 1, 2]|min }} {{ [1, 2, 3, 4, 5]|batch(2)|list }}
{{ [1, 2, 3, 4, 5]|slice(3)|list }} {{ [1, 2, 3]|batch(2, 0)|list }} {{ rate|round }} {{ 2.345|round(2) }}
{{ '42'|int + 1 }}
{{ 'x'|int(5) }} {{ '1.5'|float }} {{ -3|abs }} {{ 'a b c'|wordcount }} {{ docs[0].text|indent }}
{{ 'a\nb'|indent(2, true) }}
{{ 'a long sentence of many words'|truncate(12) }} {{ 'a long sentence of many words'|truncate(12, true, '…') }}
{{ 'a<b>"c"'|e }} {{ 'aXbX'|replace('X', '--') }} {{ 'aXbX'|replace('X', '-', 1) }} {{ n|string ~ 'x' }}
{{ missing|default('none given') }} {{ ''|default('falsy', true) }} {{ missing is defined }} {{ name is defined }}
{{ n is number }} {{ name is string }} {{ docs is sequence }} {{ user is mapping }} {{ none is none }}
{{ n is divisibleby 7 }}
{{ n in [1, 7] }} {{ n is in [1, 7] }} {{ words[1:3] }} {{ name[:3] }} {{ name[::-1] }} {{ {'a': 1} }}
{{ [1, 'a', none, true] }}
{{ name.split() }} {{ name.upper() }} {{ name.replace('a', 'o') }} {{ ', '.join(words) }}
{{ name.startswith('Ada') }} {{ user.get('x', 3) }}
{{ words|select('in', ['fig'])|list }} {{ [0, 1, 2]|select|list }} {{ [1, 2, 3]|reject('odd')|list }} {{ 3.0|int }}
{% raw %}{{ not this }}{% endraw %}{# nor this #} last\n
""".strip().splitlines()


@pytest.mark.parametrize("number", range(len(SAME)))
def test_what_is_understood_means_what_it_means_in_jinja(number: int) -> None:
    template = SAME[number]
    ours = PromptTemplate(template)
    given = {name: DATA[name] for name in ours.variables if name in DATA}
    assert ours.format(**given) == PLAIN.from_string(template).render(**given)


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(
    st.lists(st.text("ab \n<é", max_size=6), max_size=5),
    st.integers(-9, 9),
    st.sampled_from(["join('-')", "sort|join", "unique|join", "map('title')|join", "batch(2)|list", "reverse|join"]),
)
def test_filters_agree_on_any_list(words: list[str], n: int, chain: str) -> None:
    template = (
        f"{{{{ words|{chain} }}}} {{{{ words[{n}:] }}}} {{% for w in words %}}{{{{ w|length * n }}}},{{% endfor %}}"
    )
    assert PromptTemplate(template).format(words=words, n=n) == PLAIN.from_string(template).render(words=words, n=n)


@pytest.mark.parametrize(
    ("template", "given", "said"),
    [
        ("a\n{{ q }}", {"q": None}, "line 2: q is null; write what stands there then, such as {{ q or 'none' }}."),
        ("{{ user.name }}", {"user": {"name": None}}, "line 1: user.name is null; write"),
    ],
    ids=range(2),
)
def test_null_is_not_written_as_a_word(template: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        PromptTemplate(template).format(**given)
    assert said in raised.value.message
    assert PromptTemplate("{{ q or 'none' }}{% if q %}x{% endif %}").format(q=None) == "none"


def test_json_is_plain_and_in_the_order_of_the_data() -> None:
    made = PromptTemplate("{{ d|tojson }} {{ d|tojson(indent=1) }}").format(d={"z": "é<", "a": [1, None, True]})
    assert made == '{"z": "é<", "a": [1, null, true]} {\n "z": "é<",\n "a": [\n  1,\n  null,\n  true\n ]\n}'


def test_an_object_gives_its_own_fields_and_nothing_else() -> None:
    made = PromptTemplate("{{ d.items }} {{ d.keys }} {{ d._id }}").format(d={"items": 1, "keys": 2, "_id": 3})
    assert made == "1 2 3"


@pytest.mark.parametrize(
    ("template", "given", "said"),
    [
        ("a\n{{ user.nmae }}", {"user": {"name": 1}}, "line 2: an object has no 'nmae'. Did you mean 'name'?"),
        ("{{ x[3] }}", {"x": [1]}, "line 1: a list has no 3."),
        ("{% if false %}{% set a = 1 %}{% endif %}{{ a }}", {}, "line 1: 'a' is not set here."),
        ("{{ [] | first }}", {}, "line 1: the list is empty."),
        ("{{ 'a' if x }}", {"x": False}, "line 1: an 'if' without 'else' is false; write what stands there then."),
    ],
)
def test_what_is_not_there_is_an_error_with_its_line(template: str, given: dict[str, object], said: str) -> None:
    with pytest.raises(MissingVariable) as raised:
        PromptTemplate(template).format(**given)
    assert raised.value.message == said


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("a\n\n{% if %}", "line 3: Expected an expression, got 'end of statement block'."),
        ("{% macro a() %}{% endmacro %}", "line 1: macros are not supported: put the text into a prompt of its own"),
        ("{% extends 'a' %}", "'extends' is not supported: include the prompts that are shared."),
        ("{% include name %}", "what is included is written as a text in quotes, such as 'tone#production'."),
        ("{{ x|uper }}", "there is no filter 'uper'. Did you mean 'upper'?"),
        ("{{ x is strin }}", "there is no test 'strin'. Did you mean 'string'?"),
        ("{{ f(1) }}", "'f' cannot be called. It may call range() and, of texts and objects: capitalize, count,"),
        ("{{ x.append(1) }}", "'append' cannot be called."),
        ("{{ x|join(*y) }}", "arguments are written out, without '*' and '**'."),
        ("{{ '" + "ä" * 200_000 + "' }}", "the template has 400,008 bytes; at most 262,144 are allowed."),
    ],
)
def test_what_is_not_understood_is_refused_when_it_is_read(template: str, said: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        PromptTemplate(template)
    assert said in raised.value.message
