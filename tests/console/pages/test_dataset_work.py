"""Whole datasets from the console: filled from a list of traces, and put in order."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

from ..site import Gateway, answer, gateway

CONFIG = "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, CONFIG) as made:
        yield made


def test_traces_of_a_list_become_items(site: Gateway) -> None:
    for i in range(4):
        changes = {"status": "error", "error_code": "timeout"} if i == 2 else {}
        for span in answer(f"t{i}", i, f"Mail me at a{i}@b.org", **changes):
            site.platform.recorder.record(span)
    site.platform.drainer.flush()
    assert 'href="/console/datasets/sample?status=error"' in site.page("/traces?status=error")
    path = "/datasets/sample?status=error"
    assert "error" in site.page(path)
    sent = site.send(path, how="random", most="10", name="failed", scrub="yes")
    assert sent.headers["location"].endswith("done=imported")
    assert "Mail me at [email]" in site.page(sent.headers["location"].removeprefix("/console"))
    (found,) = Datasets(site.platform.store).list("default").datasets
    assert site.send(path, how="newest", dataset=found.id, scrub="yes").headers["location"].endswith("done=unchanged")
    sent = site.send("/datasets/sample", how="stratified", by="error_code", most="2", dataset=found.id)
    assert sent.headers["location"].endswith("done=imported")
    assert "evenly by error_code" in site.page(f"/datasets/{found.id}/versions")
    for wrong in ({"how": "best", "name": "x"}, {"how": "random", "most": "501", "name": "x"}, {"how": "random"}):
        assert site.send(path, **wrong).status_code == 400


def test_a_whole_dataset_is_put_in_order(site: Gateway) -> None:
    datasets = Datasets(site.platform.store)
    made = datasets.create("default", "d")
    texts = ("How long does a rollback take?", "how long does a rollback take? ", "Mail ana@b.org when it is paid")
    datasets.change("default", made, [NewItem(input=text) for text in texts])
    at, path = f"/datasets/{made.id}", f"/datasets/{made.id}/work"
    assert site.send(path, at, do="dedupe", by="exact").headers["location"].endswith("done=changed")
    assert site.send(path, at, do="split", shares="train=0.5, test=0.5").headers["location"].endswith("done=changed")
    assert site.send(path, at, do="scrub").headers["location"].endswith("done=changed")
    assert site.send(path, at, do="scrub").headers["location"].endswith("done=unchanged")
    items = datasets.items.page("default", made.id, 4).items
    assert [item.input for item in items] == [texts[0], "Mail [email] when it is paid"]
    assert {item.split for item in items} <= {"train", "test"}
    for wrong in ({"do": "split", "shares": "train"}, {"do": "sing"}, {"do": "split", "shares": "a=0.5"}):
        assert site.send(path, at, **wrong).status_code == 400
    site.act_as("viewer")
    assert "All items at once" not in site.page(at)
