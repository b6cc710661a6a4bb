"""A version is judged from its page: the job that the API would queue, how far it is, and who may not."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pilothouse.access import Actor
from pilothouse.principal import EMBEDDED
from pilothouse.prompts.content import content_of
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

from ..site import Gateway, gateway

RULE = "prompts: {protected: [{prompts: 'a/*', suite: {dataset: cases, evaluators: [exact]}}]}"
ONE, SEND = "/prompts/one?name=a/b&version=1", "/prompts/evaluate?name={}&version={}"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    home: Path = tmp_path_factory.mktemp("site")
    with gateway(home, RULE) as made:
        for name in ("a/b", "free"):
            content = content_of({"template": "Answer: {{ question }}", "model": "m"})
            made.platform.prompts.prompts.create("default", name, content, by=Actor("ada", "console"))
        yield made


def test_what_cannot_be_judged_is_told_and_queues_nothing(site: Gateway) -> None:
    assert "There is none yet" in site.page(SEND.format("free", 1))
    for sent, told in (
        (site.send(SEND.format("a/b", 1), by="rule"), "cases"),
        (site.send(SEND.format("free", 1), by="own"), "Choose the dataset"),
        (site.send(SEND.format("free", 1), by="own", dataset="none", evaluators="exact"), "no dataset"),
        (site.send(SEND.format("free", 1), by="own", dataset="none"), "at least one evaluator"),
        (site.send(SEND.format("free", 1), by="own", dataset="none", evaluators="exakt"), "exact"),
        (site.send(SEND.format("free", 1), by="own", dataset="x", evaluators="exact", limit="many"), "whole number"),
    ):
        assert sent.status_code == 400
        assert told in sent.text
    assert site.client.get(f"/console{SEND.format('a/b', 9)}").status_code == 404
    assert not site.platform.jobs.list()


def test_the_job_is_queued_shown_stopped_and_the_rest_is_for_editors(site: Gateway) -> None:
    datasets = Datasets(site.platform.store)
    cases = [NewItem(input={"question": "1 and 1"}, expected="2")]
    datasets.change("default", datasets.create("default", "cases"), cases, author="ada")
    sent = site.send(SEND.format("a/b", 1), by="rule", fresh="yes")
    assert sent.status_code == 303
    assert site.send(SEND.format("a/b", 1), by="rule", fresh="yes").headers == sent.headers  # two clicks, one job
    (job,) = site.platform.jobs.list()
    assert (job.task, job.payload["name"]) == ("prompts.evaluate", "a/b")
    assert job.payload["order"] == {"version": 1, "label": "production", "fresh": True}
    at = sent.headers["location"].removeprefix("/console")
    assert "data-follow" in site.page(at)
    assert 'id="job"' not in site.page(f"/prompts/one?name=free&job={job.id}")
    token = re.findall(r'name="token" value="(\w+)"', site.page(at))[0]
    assert site.send("/prompts/stop?name=free", at, job=job.id).status_code == 404  # of another prompt
    stopped = site.send("/prompts/stop?name=a/b", at, job=job.id)
    assert stopped.headers["location"].removeprefix("/console") == at
    assert "stopped</span>" in site.page(at)
    site.send(SEND.format("free", 1), by="own", dataset="cases", evaluators="exact, numbers", limit="9", judge="m")
    suite = {"dataset": "cases", "evaluators": ["exact", "numbers"], "judge": "m", "limit": 9}
    assert site.platform.jobs.list()[0].payload["order"]["rule"] == {"suite": suite}
    site.keyring.principal = replace(EMBEDDED, role="viewer")
    assert "/prompts/evaluate" not in site.page(ONE)
    for path in (SEND.format("a/b", 1), "/prompts/stop?name=a/b"):
        posted = site.client.post(f"/console{path}", data={"token": token, "by": "rule", "job": job.id})
        assert (posted.status_code, len(site.platform.jobs.list())) == (403, 2)


def test_an_order_of_the_api_that_names_no_version_is_shown_too(site: Gateway) -> None:
    site.keyring.principal = EMBEDDED
    job = site.platform.jobs.enqueue("prompts.evaluate", {"name": "a/b", "order": {}}, project_id="default")
    assert "Evaluation of the newest version" in site.page(f"/prompts/one?name=a/b&job={job.id}")
