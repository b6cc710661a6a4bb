"""Hostile templates are refused with a sentence, and none takes more than its budget. Steps are counted, not time."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse import PromptTemplate
from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.prompts.content import content_of
from pilothouse.prompts.templates.limits import MAX_OUTPUT, MAX_STEPS
from pilothouse.prompts.templates.rendering import prepare
from pilothouse.prompts.templates.run import Run

DATA = {"x": {}, "s": "text", "n": 3, "items": [1, 2, 3], "big": "a" * 300_000, "numbers": list(range(5000))}
INTO_PYTHON = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ x.__globals__ }}",
    "{{ x['__class__'] }}",
    "{{ x['__cla' ~ 'ss__'] }}",
    "{{ x[['__class', '__']|join] }}",
    "{{ s['\\x5f\\x5fclass'] }}",
    "{{ x|attr('__class__') }}",
    "{{ x|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ [x]|map(attribute='__class__')|list }}",
    "{{ [x]|map('attr', '__class__')|list }}",
    "{{ [x]|selectattr('__class__')|list }}",
    "{{ [s]|sort(attribute='a.b') }}",
    "{{ s.format }}",
    "{{ s.format(x) }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{}'.format_map(x) }}",
    "{{ ('{0.__class__}'|string).format(x) }}",
    "{{ s.encode() }}",
    "{{ s.mro }}",
    "{{ range.__self__ }}",
    "{{ range }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ cycler('a').next() }}",
    "{{ joiner(',')() }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ lipsum(n=1000000) }}",
    "{{ namespace(a=1) }}",
    "{{ dict(a=1) }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ config }}",
    "{{ request.application }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ loop.__class__ }}",
    "{% for i in items %}{{ loop.cycle }}{% endfor %}",
    "{% import 'os' as os %}",
    "{% from 'os' import popen %}",
    "{% extends s %}",
    "{% include s %}",
    "{% include [s, 's'] %}",
    "{% block a %}{{ super() }}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% set x.y = 1 %}",
    "{% set ns = namespace(a=1) %}",
    "{% do x %}",
    "{% debug %}",
    "{% autoescape false %}{% endautoescape %}",
    "{{ x is callable }}",
    "{{ x is sameas x }}",
    "{{ s|safe }}",
    "{{ s|pprint }}",
    "{{ items|random }}",
    "{{ s|urlize }}",
    "{{ items|groupby('__class__') }}",
    "{{ __builtins__ }}",
    "{{ __import__('os') }}",
    "{% set __a = 1 %}",
    "{% with __a = 1 %}{% endwith %}",
    "{{ x.items.__func__ }}",
    "{{ ''|format() }}",
    "{{ s.join.__self__ }}",
]
TOO_MUCH = [
    "{% for i in range(10**9) %}{% endfor %}",
    "{% for i in range(99999) %}a{% endfor %}",
    "{{ range(0 - 9**18, 9**18) }}",
    "{% for i in range(999) %}{% for j in range(999) %}{% for k in range(999) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for i in items recursive %}{{ loop(items) }}{% endfor %}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [0] * 10**9 }}",
    "{{ 10**10**10 }}",
    "{{ 2**63 }}",
    "{{ 9.9**999 }}",
    "{{ 1e308 * 10 }}",
    "{{ (0 - 8) ** 0.5 }}",
    "{{ 1 / 0 }}",
    "{{ 1 % 0 }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ 0x" + "f" * 99 + " }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d'|format(1) }}",
    "{{ 'a'|center(10**9) }}",
    "{{ 'a'|indent(10**9) }}",
    "{{ big|indent('" + "b" * 99 + "', true, true)|replace('b', big) }}",
    "{{ 'a'|wordwrap(1) }}",
    "{{ items|batch(10**9, 0) }}",
    "{{ items|slice(10**9) }}",
    "{{ big|replace('a', big) }}",
    "{{ big|replace('', big) }}",
    "{{ big.replace('a', 'aaaaaaaaaaaaaaaa') }}",
    "{{ big|list|join(big) }}",
    "{{ big.join([big, big] * 99) }}",
    "{{ items|tojson(indent=10**9) }}",
    "{{ 1.5|round(10**9) }}",
    "{{ big|trim(big) }}",
    "{{ big.strip(big) }}",
    "{{ big|list|sort }}",
    "{{ numbers|map('string')|map('replace', '', big)|list }}",
    "{% set a = 'aa' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a }}",
    "{% set a = {'k': 'v'} %}" + "{% set a = {'k': a, 'l': a} %}" * 60 + "{{ a|tojson }}",
    "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a == [a] }}",
    "{% for i in range(99) %}{{ big }}{% endfor %}",
    "{% for i in numbers %}{% if big == big ~ '' %}{% endif %}{% endfor %}",
    "{% for i in numbers %}{% if 'ab' in big %}{% endif %}{% endfor %}",
    "{% for i in numbers %}{% for j in numbers if i == j %}{% endfor %}{% endfor %}",
    "{{ items|sum(start='a') }}",
    "{{ " + "(" * 5000,
    "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    "{{ " + "not " * 5000 + "1 }}",
    "{{ " + "1+" * 3000 + "1 }}",
    "{{ s" + "|trim" * 3000 + " }}",
    "{{ s" + ".a" * 3000 + " }}",
    "{{ " + "[" * 300 + "]" * 300 + " }}",
    "{{ s }}" * 30_000,
    "{{ [" + "1," * 60_000 + "] }}",
    "{% if n %}" * 300 + "{% endif %}" * 300,
    "{% if n %}" + "{% elif n %}" * 20_000 + "{% endif %}",
    "{#" * 100_000,
    "{%" * 100_000,
    "{{'" * 80_000,
    "{% raw " * 30_000,
    "{%- " * 60_000,
    "{{ '" + "\\" * 99_999,
    "{" * 200_000,
]
OTHERS = {
    "format": [
        "{x.__class__}",
        "{x[0]}",
        "{x!r}",
        "{x!s:>10}",
        "{x:>1000000000}",
        "{n:1000000000d}",
        "{n:.999999999f}",
        "{n:{n}}",
        "{}",
        "{0}",
        "{",
        "}",
        "{ n }",
        "{n",
        "{x.__init__.__globals__}",
        "{__class__}",
        "{@",
        "{#" * 99_999,
        "{s:,d}",
        "{n}" * 30_000,
    ],
    "mustache": [
        "{{x.__class__}}",
        "{{__class__}}",
        "{{#items}}" * 200,
        "{{#items}}" * 90 + "{{/items}}" * 90,
        "{{=<% %>=}}",
        "{{" * 99_999,
        "{{!" * 80_000,
        "{{{x",
        "{{/x}}",
        "{{#x}}",
        "{{#x}}{{/n}}",
        "{{x y}}",
        "{{x()}}",
        "{{}}",
        "{{!a}}" * 30_000,
        "{{#a.b",
        "{{#numbers}}{{#numbers}}{{#numbers}}{{big}}{{/numbers}}{{/numbers}}{{/numbers}}",
    ],
}


def attempt(template: str, syntax: str = "jinja") -> str:
    """What is rendered with as much of the data as it names."""
    ours = PromptTemplate(template, syntax=syntax)
    return str(ours.format(**{name: DATA[name] for name in ours.variables if name in DATA}))


@pytest.mark.parametrize("template", INTO_PYTHON, ids=range(len(INTO_PYTHON)))
def test_no_template_reaches_into_python(template: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        attempt(template)
    assert raised.value.status == 400
    assert len(raised.value.message) < 800


@pytest.mark.parametrize("template", TOO_MUCH, ids=range(len(TOO_MUCH)))
def test_no_template_does_without_end(template: str) -> None:
    with pytest.raises(TemplateRefused) as raised:
        attempt(template)
    assert len(raised.value.message) < 800


@pytest.mark.parametrize("syntax", OTHERS)
def test_the_other_syntaxes_are_no_wider(syntax: str) -> None:
    for template in OTHERS[syntax]:
        with pytest.raises(TemplateRefused):
            attempt(template, syntax)


PIECES = st.sampled_from(
    [
        "{% for a in range(n * 99) %}",
        "{% for a in items %}",
        "{% for b in numbers if b > n %}",
        "{% endfor %}",
        "{% if n %}",
        "{% endif %}",
        "{% set q = [q, q] %}",
        "{% set q = q ~ q %}",
        "{{ q }}",
        "{{ big }}",
        "{{ big|replace('a', s) }}",
        "{{ a }}",
        "{{ numbers|join(s) }}",
        "{{ numbers|sort|map('string')|join(big) }}",
        "{{ s * n }}",
        "{{ n ** n ** n }}",
        "{{ loop.index }}",
        "{{ numbers|batch(n)|list|tojson }}",
        "{{ q == q }}",
        "{{ (numbers + numbers)|sum }}",
        "{{ big.split('a')|length }}",
        "é {",
        "{{ big[::2] * 9 }}",
        "{{ q|default(big) }}",
        "{% set q = s %}",
        "{{ q|string|wordcount }}",
        "{% else %}",
        "{{ x.items() }}",
    ]
)


@settings(max_examples=80, derandomize=True, deadline=None, database=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_mix_ends_within_its_budget_and_twice_alike(template: str) -> None:
    def once() -> tuple[str, int, int]:
        try:
            ready = prepare(content_of({"template": template}))
            made = ready.render({name: DATA.get(name, 1) for name in ready.included.uses})
        except InvalidRequest as error:
            return error.message, 0, 0
        return made.text or "", made.steps, made.chars

    text, steps, chars = once()
    assert (steps, chars) <= (MAX_STEPS, MAX_OUTPUT)
    assert once() == (text, steps, chars)


def test_work_is_charged_before_it_is_done() -> None:
    run = Run({}, {})
    with pytest.raises(Exception, match="4,194,304"):
        run.charge_text(10**12)
    assert run.steps == 0


OTHER_PIECES = {
    "mustache": [
        "{{#items}}", "{{/items}}", "{{^x}}", "{{/x}}", "{{#numbers}}", "{{/numbers}}", "{{big}}", "{{.}}",
        "{{! c }}\n", "\n {{n}}",
    ],
    "format": ["{n}", "{big}", "{big:^999}", "{n:,.2f}", "{{", "}}", "{# c #}", "{", "}", "{s:>9}"],
}  # fmt: skip


@settings(max_examples=60, derandomize=True, deadline=None, database=None)
@given(st.sampled_from(["mustache", "format"]), st.lists(st.integers(0, 9), max_size=16))
def test_mixes_of_the_other_syntaxes_end_within_their_budget(syntax: str, chosen: list[int]) -> None:
    template = "".join(OTHER_PIECES[syntax][number] for number in chosen)
    try:
        ready = prepare(content_of({"template": template, "syntax": syntax}))
        made = ready.render({name: DATA[name] for name in ready.included.uses})
    except InvalidRequest:
        return
    assert made.steps <= MAX_STEPS
    assert made.chars <= MAX_OUTPUT
