"""The linter around its rules: what is switched off and where, places, notes, figures; hostile templates."""

from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.prompts.content import content_of
from pilothouse.prompts.lint.linter import Linter, Report, draft_of
from pilothouse.prompts.lint.pricing import ModelPricing
from pilothouse.prompts.lint.tokens import tokens

BARE = "Tell me about {{ city }} and its people, please."


def lint(template: Any, linter: Linter | None = None, **content: Any) -> Report:
    return (linter or Linter()).lint(draft_of(content_of({"template": template, **content})))


def codes(report: Report) -> set[str]:
    return {one.code for one in report.findings}


def test_rules_are_switched_off_where_it_is_said() -> None:
    everything = codes(lint(BARE))
    assert {"P101", "P105", "P106"} <= everything
    assert codes(lint(BARE, Linter(ignore=["P10"]))) == set()
    assert codes(lint(BARE, Linter(select=["P105"]))) == {"P105"}
    assert codes(lint(BARE, config={"lint": {"disable": ["P105"]}})) == everything - {"P105"}
    assert codes(lint("{# lint: disable=P101, P106 #}\n" + BARE)) == everything - {"P101", "P106"}
    assert codes(lint(BARE + "\n{# lint: disable #}")) == set()
    assert codes(lint("{{! lint: disable=P1 }}\n" + BARE, syntax="mustache")) == set()
    assert codes(lint("{# lint: disable=P1 #}\n" + BARE.replace("{{ city }}", "{city}"), syntax="format")) == set()
    several = "Answer in JSON with the key a. {{ x }} {# lint: disable=P201 #}\nElse {{ y }}."
    (finding,) = [one for one in lint(several, variables={"z": {}}).findings if one.code == "P201"]
    assert "'y'" in finding.text
    with pytest.raises(InvalidRequest, match="disable"):
        lint(BARE, config={"lint": {"disable": "P105"}})


@pytest.mark.parametrize(
    ("template", "noted"),
    [
        ("Riassumi il testo che segue in una frase e non aggiungere nulla: {{ testo }}", "'it'"),
        ("次の文章を三つの文で要約してください。{{ text }}", "'ja'"),
        ("Summarize. {% include 'tone#production' %}", "includes"),
        ("{{ question }}", "fewer than 6 words"),
    ],
    ids=["italian", "japanese", "includes", "bare"],
)
def test_practices_are_not_asked_of_what_they_do_not_understand(template: str, noted: str) -> None:
    report = lint(template)
    assert noted in report.notes[0]
    assert not [code for code in codes(report) if code < "P11"]


@pytest.mark.parametrize(
    "template",
    [
        "Du bist eine erfahrene Redakteurin. Fasse den Text in höchstens drei Sätzen zusammen. Wenn er leer ist, "
        "schreibe nur: leer.\n<text>{{ text }}</text>",
        "Vous êtes un rédacteur. Résumez le texte en trois phrases au plus. Si le texte est vide, répondez : vide.\n"
        "<text>{{ text }}</text>",
        "Eres un editor con experiencia. Resume el texto en tres frases como máximo. Si no hay texto, responde solo: "
        "vacío.\n<text>{{ text }}</text>",
    ],
    ids=["de", "fr", "es"],
)
def test_a_good_prompt_in_another_language_is_left_alone(template: str) -> None:
    report = lint(template)
    assert (codes(report), report.notes) == (set(), [])


def test_what_a_prompt_says_of_its_variables_counts() -> None:
    asking = "You help. Say in one sentence what the customer of our shop wants.\n{{ message }}"
    assert "P305" in codes(lint(asking))
    assert "P305" not in codes(lint(asking, variables={"message": {"untrusted": True}}))
    assert "P305" not in codes(lint(asking, variables={"message": {"untrusted": False}}))
    assert "P305" not in codes(lint(asking, variables={"message": {"enum": ["a", "b"]}}))
    assert "P305" not in codes(lint(asking.replace("{{ message }}", "{{ message | tojson }}")))
    system = [{"role": "system", "content": "You help."}, {"role": "user", "content": "{{ message }}"}]
    assert not codes(lint(system)) & {"P303", "P304", "P305"}


def test_variables_of_loops_conditions_and_sections_are_known() -> None:
    loop = "{% for d in docs if d is defined %}{{ loop.index }} {{ d.text | upper }}{% endfor %}{{ context }}"
    assert set(draft_of(content_of({"template": loop})).used) == {"docs", "context"}
    section = "{{#items}}{{name}}{{/items}} {{{raw}}} {{user.name}}"
    assert set(draft_of(content_of({"template": section, "syntax": "mustache"})).used) == {"items", "raw", "user"}
    fields = '{question!r:>10} {{"a": 1}} {"b": {user.name}} {# no #}'
    assert set(draft_of(content_of({"template": fields, "syntax": "format"})).used) == {"question", "user"}


def test_what_is_included_counts_where_it_is_known() -> None:
    whole = content_of(
        {
            "template": "Describe {{ product }}.\n{% include 'tone' %}\n{{ question }}",
            "variables": {"product": {}, "question": {"untrusted": True}, "voice": {}},
        }
    )
    tone = content_of({"template": "You are a {{ voice }} writer. Write one paragraph. If it is unclear, ask."})
    alone, known = Linter().lint(draft_of(whole)), Linter().lint(draft_of(whole, included=[tone]))
    assert "includes other prompts" in alone.notes[0]
    assert (codes(known), known.notes) == (set(), [])
    assert known.costs.written > alone.costs.written
    assert "P202" in codes(Linter().lint(draft_of(whole, included=[content_of({"template": "Be kind."})])))


def test_costs_say_what_they_took_for_granted() -> None:
    pricing = ModelPricing()
    costs = lint("Answer: {{ q }}", Linter(models=["unheard-of"], pricing=pricing), model="gpt-4o-mini").costs
    known, unknown = costs.models
    assert known.nano == pricing.cost("gpt-4o-mini", costs.input, 256)
    assert unknown.nano is None
    assert costs.assumed == "Assumed: 2,000 characters for each of: q; an answer of 256 tokens."
    assert costs.input == costs.written + 500
    bounded = {"q": {"max_chars": 40}}
    told = lint("Answer: {{ q }}", variables=bounded, params={"max_tokens": 9}).costs
    assert (told.input - told.written, told.answer, told.assumed) == (10, 9, "All lengths are bounded by the prompt.")


def test_tokens_are_counted_by_script() -> None:
    assert tokens("") == 0
    assert tokens("The quick brown fox jumps over the lazy dog.") == 10  # as cl100k counts
    assert tokens("12345678") == 3
    assert tokens("東京都に住んでいます") == 11
    assert tokens("-" * 40) == 1
    assert tokens("Привет, мир") > tokens("Hello, sky")


def test_a_secret_is_never_repeated() -> None:
    key = "sk-proj-4f9aK2mQx7Lr0TzYw3Bn8Vd1"
    report = lint(f"Use the key {key} and {{{{ x }}}}.", variables={"y": {}})
    assert "P301" in codes(report)
    assert key not in str(report.to_json())
    other = (
        "password: string, token = <token>, Bearer YOUR_TOKEN_HERE_PLEASE, sha 3f786850e387550fdab836ed7e6dc881de23001b"
    )
    assert not codes(lint(other)) & {"P301", "P302"}


@pytest.mark.parametrize("piece", ["{{", "{%", "<a", "{#", "[AB]", "- a: ", "{{x", "answer in json. "])
@pytest.mark.parametrize("syntax", ["jinja", "mustache", "format"])
def test_what_does_not_close_is_text(piece: str, syntax: str) -> None:
    draft = draft_of(content_of({"template": piece * 300, "syntax": syntax}))
    assert "".join(one.text for one in draft.parts[0].pieces) == piece * 300
    assert len(draft.parts[0].prose) == len(piece * 300)
    Linter().lint(draft)


@pytest.mark.parametrize(
    ("code", "template", "found"),
    [
        ("P105", "Split the input. An instruction is for example 'You are a lawyer'. {{ text }}", True),
        ("P105", "You will be given two sentences. Write one between them. {{ text }}", True),
        ("P105", "Assistant is a large language model. Write one sentence. {{ text }}", False),
        ("P102", "Here is a policy.\n{{ document }}\n\nRead it and then write a list of all that it forbids.", True),
        ("P102", "Text:\n{{ document }}\n\nTask:\nWrite a list of what it forbids and of what it allows.", False),
        ("P108", "Translate the text into {{ language }}: {{ text }}", False),
        ("P104", "Select the output that best fits, 1 or 2. Do not explain your answer. {{ a }} {{ b }}", True),
        ("P151", "Answer in JSON with the key name.\nList the names as bullet points.", True),
        ("P151", "Return valid JSON.\nDo not wrap your response in Markdown.", False),
        ("P153", "Do not add titles or headings.\nGive every passage a title.", True),
        ("P153", "NEVER use `page.fill`.\nUse `page.type` for it.", False),
        ("P156", "Answer with a single word, yes or no.\nExplain your verdict.", True),
        ("P156", "Only output the label, do not\nprovide any explanation.", False),
    ],
    ids=range(13),
)  # fmt: skip
def test_what_was_wrong_on_prompts_of_others(code: str, template: str, found: bool) -> None:
    assert (code in codes(lint(template))) is found


def test_a_prompt_of_empty_lines_is_read() -> None:
    report = lint("\n" * 20_000 + "x")  # for each line all that follow were read: minutes
    assert "fewer than 6 words" in report.notes[0]
