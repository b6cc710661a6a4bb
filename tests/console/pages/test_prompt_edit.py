"""The editor of prompts: a draft with its preview and findings, saved as a version. All of it without scripts."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.prompts.content import content_of

from ..site import HOSTILE, Gateway, gateway

ADA = Actor("ada", "console")
BAD = HOSTILE.replace("\0", "")
DRAFT: dict[str, Any] = {
    "type": "chat", "syntax": "jinja", "role": ["system", "user"],
    "said": ["You are {{ who }}.", "{{ question }}"], "model": "echo", "params": '{"temperature": 0.5}',
    "variable_name": ["who", "question"], "variable_type": ["string", "string"], "variable_default": ["a clerk", ""],
    "variable_description": ["", ""], "variable_enum": ["", ""], "variable_max_chars": ["", ""],
    "variable_untrusted": ["no", "delimit"],
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n") as made:
        yield made


def preview(page: str) -> str:
    return unescape(page[page.index('id="preview"') : page.index("</section>", page.index('id="preview"'))])


def test_a_prompt_is_written_previewed_and_saved(site: Gateway) -> None:
    site.page("/prompts/edit")
    shown = site.send("/prompts/edit", action="preview", value_question=f"When? {BAD}", **DRAFT).text
    assert "You are a clerk." in preview(shown)
    assert "When? <script>" in preview(shown)
    assert "<script>document" not in shown
    assert 'data-names="who question"' in shown
    asked = {"new_name": "support/first", "message": "begin", "label": "staging", "description": "for tests"}
    sent = site.send("/prompts/edit", action="save", **asked, **DRAFT)
    assert sent.headers["location"] == "/console/prompts/one?name=support%2Ffirst&version=1&done=version"
    made = site.platform.prompts.prompts.get("default", "support/first", label="staging")
    assert (made.content.params, made.message) == ({"temperature": 0.5}, "begin")
    assert made.content.variables["question"].untrusted
    assert site.platform.prompts.prompts.prompt("default", "support/first").description == "for tests"
    page = "/prompts/edit?name=support/first"
    assert 'name="parent" value="1"' in site.page(page)
    second = DRAFT | {"said": ["You are {{ who }}!", "{{ question }}"], "parent": "1"}
    unseen = site.send(page, **second | {"parent": "one", "action": "save"})
    assert (unseen.status_code, "Open the page again" in unseen.text) == (400, True)
    assert site.send(page, action="save", **second).status_code == 303
    late = site.send(page, action="save", **second | {"said": ["Hm.", "{{ question }}"]})
    assert late.status_code == 409
    assert "Hm." in late.text  # what was written is still there
    assert "version 3" in late.text


def test_the_buttons_of_the_form_change_it(site: Gateway) -> None:
    def sent(action: str, **changes: object) -> str:
        return site.send("/prompts/edit", action=action, **{**DRAFT, **changes}).text

    assert sent("add").count('name="said"') == 3
    assert sent("drop-0").count('name="said"') == 1
    up = sent("up-1")
    assert up.index("{{ question }}</textarea>") < up.index("You are {{ who }}.</textarea>")
    assert 'value="question"' in sent("found", variable_name=["who"])
    assert sent("variable").count('name="variable_name"') == 3
    assert "You are {{ who }}.\n\n{{ question }}</textarea>" in sent("switch", type="text")
    whole = sent("json")
    assert 'name="whole"' in whole
    text = unescape(re.search(r'name="whole"[^>]*>\n(.*?)</textarea>', whole, re.DOTALL)[1])  # type: ignore[index]
    saved = {"as": "json", "whole": text, "new_name": "p", "action": "save"}
    assert site.send("/prompts/edit", **saved).status_code == 303
    assert "no JSON" in site.send("/prompts/edit", **saved | {"whole": "{"}).text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"said": ["You are\n{{ who", "x"]}, "message 1, line 2"),
        ({"params": "{"}, "params: this is no JSON"),
        ({"variable_default": ["", ""], "variable_type": ["integer", "string"], "value_who": "b"}, "is no integer"),
        ({"said": ["{% include 'none' %}", "x"]}, "There is no prompt 'none'"),
        ({"said": ["{{ ''.__class__ }}", "x"]}, "__class__"),
        ({"said": ["{% for i in range(1000000000) %}x{% endfor %}", "x"]}, "steps"),
        ({"variable_name": ["examples!", "question"]}, "variables"),
        ({"type": "nothing"}, "type"),
        ({"model": "x" * 600}, "model"),
        ({"value_question": "x" * 1_100_000}, "1,"),
    ],
    ids=["syntax", "json", "value", "include", "class", "loop", "name", "type", "model", "large"],
)  # fmt: skip
def test_what_is_wrong_is_told_in_the_preview(site: Gateway, changes: dict[str, Any], told: str) -> None:
    answer = site.send("/prompts/edit", action="preview", **{**DRAFT, **changes})
    assert answer.status_code == 200
    assert told in preview(answer.text)


def test_a_prompt_with_many_messages_is_edited_as_json(site: Gateway) -> None:
    template = [{"role": "user", "content": f"text {n}"} for n in range(50)]
    site.platform.prompts.prompts.create("default", "long", content_of({"template": template}), by=ADA)
    page = site.page("/prompts/edit?name=long")
    assert 'name="whole"' in page
    assert "text 49" in page
