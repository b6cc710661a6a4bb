"""A better version is looked for from the console: what is queued, what is refused, and what came of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pilothouse.access import Actor
from pilothouse.prompts.content import content_of
from pilothouse.storage.database import writing
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.tables import jobs

from ..site import HOSTILE, Gateway, gateway

PAGE = "/prompts/better?name=a/b&version=1"
FORM: dict[str, Any] = {
    "dataset": "cases", "evaluators": "exact", "by_examples": "yes", "examples": "4", "by_rewriting": "yes",
    "rewrite_model": "writer", "rewrites": "3", "limit": "50", "max_cost_usd": "0.5",
}  # fmt: skip
ORDER = {
    "version": 1, "dataset": "cases", "metric": "exact", "evaluators": ["exact"], "limit": 50, "examples": 4,
    "rewrite_model": "writer", "rewrites": 3, "max_cost_usd": "0.5",
}  # fmt: skip
CHANGE = {
    "name": "exact", "n": 28, "before": 0.5, "after": 0.75, "difference": 0.25, "low": 0.1, "high": 0.4,
    "lower_is_better": False,
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, "{}") as made:
        for text in ("{{ question }}", "Exact: {{ question }}"):
            made.platform.prompts.prompts.create(
                "default", "a/b", content_of({"template": text, "model": "m"}), by=Actor("a", "api")
            )
        datasets = Datasets(made.platform.store)
        cases = [NewItem(input={"question": f"number {n}"}, expected=str(n)) for n in range(40)]
        datasets.change("default", datasets.create("default", "cases"), cases, author="ada")
        yield made


def test_a_search_is_queued_and_its_end_is_told_with_what_to_do_next(site: Gateway) -> None:
    sent = site.send(PAGE, **FORM)
    (job,) = site.platform.jobs.list()
    assert (job.task, job.payload["order"]) == ("prompts.optimize", ORDER)
    at = sent.headers["location"].removeprefix("/console")
    waiting = site.page(at)
    assert "data-follow" in waiting
    assert "Look for one" not in waiting
    result = {
        "prompt": "a/b", "source": 1, "dataset": "cases@1", "metric": "exact", "train": 52, "held_out": 28,
        "verdict": "better", "why": HOSTILE, "version": 2, "change": CHANGE, "notes": [HOSTILE], "cost_usd": None,
        "proposals": [
            {"how": HOSTILE, "hash": None, "n": 0, "before": None, "after": None, "refused": HOSTILE, "run_id": None}
        ],
    }  # fmt: skip
    with writing(site.platform.store.control) as connection:
        connection.execute(update(jobs).values(status="done", result=json.dumps(result)))
    told = site.page(at)
    for words in ("Version 2 is better", "+0.25", "+0.1 to +0.4", "/prompts/diff?name=a/b", "left out:", "unknown"):
        assert words in told
    assert "<script>document" not in told
    assert "data-follow" not in told
    assert "Searches before" in site.page(PAGE)
    assert site.platform.prompts.prompts.prompt("default", "a/b").labels == {"latest": 2}
    site.act_as("viewer")
    assert "Version 2 is better" in site.page(at)
    assert "Look for one" not in site.page(PAGE)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dataset": ""}, "Choose the dataset"), ({"by_examples": "", "by_rewriting": ""}, "Nothing would be proposed"),
        ({"rewrite_model": " "}, "which model"), ({"examples": "-1"}, "no whole number"),
        ({"rewrites": "9"}, "rewrites"), ({"max_cost_usd": "much"}, "max_cost_usd"), ({"evaluators": "exakt"}, "exact"),
        ({"limit": "9" * 400}, "no whole number"),
    ],
    ids=["dataset", "nothing", "writer", "examples", "rewrites", "cost", "evaluator", "limit"],
)  # fmt: skip
def test_what_cannot_be_looked_for_is_told_on_the_form(site: Gateway, changes: dict[str, str], told: str) -> None:
    sent = site.send(PAGE, **FORM | changes)
    assert sent.status_code == 400
    assert told in sent.text
    assert not site.platform.jobs.list()
