"""A version is judged from its page: the job that the API would queue, how far it is, and who may not."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilothouse.access import Actor
from pilothouse.principal import EMBEDDED
from pilothouse.prompts.content import content_of
from pilothouse.storage.evaluating.datasets import Datasets

from ..site import Gateway, gateway

RULE = "prompts: {protected: [{prompts: 'a/*', suite: {dataset: cases, evaluators: [exact]}}]}"
ONE, SEND = "/prompts/one?name=a/b&version=1", "/prompts/evaluate?name=a/b&version={}"
ASK = "Evaluate against production"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home: Path = tmp_path_factory.mktemp("site")
    with gateway(home, RULE) as made:
        for name in ("a/b", "free"):
            content = content_of({"template": "Answer: {{ question }}", "model": "m"})
            made.platform.prompts.prompts.create("default", name, content, by=Actor("ada", "console"))
        yield made


def test_what_cannot_be_judged_is_told_and_queues_nothing(site: Gateway) -> None:
    assert ASK not in site.page("/prompts/one?name=free")
    refused = site.send(SEND.format(1), ONE)
    assert refused.status_code == 400
    assert "cases" in refused.text
    assert site.send(SEND.format(9), ONE).status_code == 404
    assert not site.platform.jobs.list()


def test_the_job_is_queued_shown_and_the_rest_is_for_editors(site: Gateway) -> None:

    Datasets(site.platform.store).create("default", "cases")
    sent = site.send(SEND.format(1), ONE, fresh="yes")
    assert sent.status_code == 303
    (job,) = site.platform.jobs.list()
    assert (job.task, job.payload["name"]) == ("prompts.evaluate", "a/b")
    assert job.payload["order"] == {"version": 1, "label": "production", "fresh": True}
    shown = site.page(sent.headers["location"].removeprefix("/console"))
    assert "queued" in shown
    assert ASK not in shown
    assert 'id="job"' not in site.page(f"/prompts/one?name=free&job={job.id}")
    site.platform.jobs.cancel(job.id)
    again = site.page(f"{ONE}&job={job.id}")
    assert ASK in again
    token = re.findall(r'name="token" value="(\w+)"', again)[0]
    site.keyring.principal = replace(EMBEDDED, role="viewer")
    assert ASK not in site.page(ONE)
    posted = site.client.post(f"/console{SEND.format(1)}", data={"token": token})
    assert (posted.status_code, len(site.platform.jobs.list())) == (403, 1)
    assert "may" in posted.text
