"""The playground: columns that ask down the gateway's path as the visitor, and what is kept of their answers."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pilothouse.access import Actor
from pilothouse.principal import Policy
from pilothouse.prompts.content import content_of
from pilothouse.storage.evaluating.datasets import Datasets

from ..site import Gateway, gateway

ADA = Actor("ada", "console")
TEXT = "Say {{ what }}."
PAGE, RUN = "/prompts/play?name=p", "/prompts/play/run?name=p"
DRAFT: dict[str, Any] = {
    "type": "text",
    "syntax": "jinja",
    "text": TEXT,
    "value_what": "hello",
    "model_1": "echo",
    "column": "1",
}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n") as made:
        for text in ("Whisper {{ what }}.", TEXT):
            made.platform.prompts.prompts.create("default", "p", content_of({"template": text}), by=ADA)
        yield made


def answer(site: Gateway, **changes: object) -> list[dict[str, str]]:
    sent = site.send(RUN, PAGE, **DRAFT | changes)
    assert sent.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in sent.text.splitlines()]


def test_each_column_asks_its_model_and_version(site: Gateway) -> None:
    page = site.page("/prompts/play?name=p&beside=1")
    assert page.count("data-column=") == 4
    assert page.count(" hidden aria-label=") == 2
    assert '<option value="1" selected>version 1' in page
    assert "selected>version" not in site.page(PAGE)
    site.platform.prompts.prompts.promote("default", "p", 1, by=ADA)
    assert '<option value="1" selected>version 1' in site.page(PAGE)  # what serves, beside what is tried
    told = answer(site)
    assert "".join(line.get("text", "") for line in told) == "Say hello."
    assert "tokens" in told[-1]["told"]
    site.platform.drainer.flush()
    trace = site.platform.traces.get(told[-1]["trace"])
    assert (trace.root.endpoint, trace.root.tags) == ("/console/prompts/play", ["playground"])
    beside = answer(site, column="2", model_2="builtin/echo", version_2="1")
    assert "".join(line.get("text", "") for line in beside) == "Whisper hello."


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"value_what": ""}, "'what' is missing"),
        ({"model_1": "nope"}, "nope"),
        ({"model_1": ""}, "Choose a model"),
        ({"version_1": "99"}, "no version 99"),
        ({"version_1": "x"}, "no version 0"),
        ({"text": "{{ what"}, "line 1"),
        ({"params": "[1]"}, "params"),
        ({"column": "../9"}, "Choose a model"),
        ({"params": '{"temperature": "hot"}'}, "temperature"),
    ],
    ids=["value", "model", "none", "version", "odd", "syntax", "params", "column", "type"],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_in_the_column(site: Gateway, changes: dict[str, Any], told: str) -> None:
    (line,) = answer(site, **changes)
    assert told in line["error"]


def test_the_rights_of_the_visitor_hold(site: Gateway) -> None:
    site.act_as("editor")
    site.keyring.principal = replace(site.keyring.principal, policy=Policy(models=("other",)))
    assert "may not use 'echo'" in answer(site)[0]["error"]
    site.act_as("viewer")
    assert site.client.post(f"/console{RUN}", data=DRAFT).status_code == 403


def test_values_become_a_case_and_the_text_a_version(site: Gateway) -> None:
    sent = site.send("/prompts/play/case?name=p", PAGE, **DRAFT, expected="Hello!\r\n", **{"name": "cases"})
    assert "kept as an item" in sent.text
    datasets = Datasets(site.platform.store)
    found = datasets.get("default", "cases")
    (item,) = datasets.items.each("default", found.id, found.version)
    assert (item.input, item.expected, item.metadata) == ({"what": "hello"}, "Hello!\n", {"prompt": "p"})
    assert "Choose a dataset" in site.send("/prompts/play/case?name=p", PAGE, **DRAFT).text
    site.send("/prompts/edit?name=p", PAGE, **DRAFT | {"text": "Sing {{ what }}.", "action": "save", "parent": "2"})
    assert site.platform.prompts.prompts.newest("default", "p").content.template == "Sing {{ what }}."
