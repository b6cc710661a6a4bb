"""The pages of datasets, as HTML."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets

from ..site import HOSTILE, Gateway, answer, gateway

CONFIG = "models: {echo: {deployments: [{provider: builtin, model: echo}]}}\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, CONFIG) as made:
        yield made


@pytest.fixture
def made(site: Gateway) -> Dataset:
    """A dataset with three versions."""
    datasets = Datasets(site.platform.store)
    found = datasets.create("default", "support/first", description="for tests")
    talk = [{"role": "user", "content": "How long?"}]
    first = NewItem(key="a", input=talk, expected="four minutes", context=("p",), metadata={"topic": "x"})
    datasets.change("default", found, [first, NewItem(key="b c", input="When?", split="test", source_trace="t1")])
    changed = NewItem(key="a", input=talk, expected=["4 min"])
    datasets.change("default", found, [changed], author="ana", note="shorter")
    datasets.change("default", found, remove=["b c"])
    return datasets.get("default", found.id)


def test_the_list_and_a_new_one(site: Gateway, made: Dataset) -> None:
    page = site.page("/datasets")
    assert f'href="/console/datasets/{made.id}"' in page
    assert "for tests" in page
    assert "Nothing found" in site.page("/datasets?text=other")
    assert "already" in site.send("/datasets", name="support/first").text
    sent = site.send("/datasets", name="new", description="d")
    assert sent.status_code == 303
    assert "No items here" in site.page(sent.headers["location"].removeprefix("/console"))
    assert site.send(f"/datasets/{made.id}/archive", f"/datasets/{made.id}").headers["location"].endswith("archived")
    assert "support/first" not in site.page("/datasets")
    assert "support/first" in site.page("/datasets?archived=yes")
    assert site.send(f"/datasets/{made.id}/archive", f"/datasets/{made.id}", back="yes").status_code == 303
    assert "support/first" in site.page("/datasets")


def test_one_with_its_items_in_every_version(site: Gateway, made: Dataset) -> None:
    page = site.page(f"/datasets/{made.id}")
    assert "How long?" in page
    assert "When?" not in page
    page = site.page(f"/datasets/{made.id}?version=1")
    assert "not the newest" in page
    assert f"/datasets/{made.id}/item?key=b%20c&amp;version=1" in page
    assert 'href="/console/traces/t1"' in page
    page = site.page(f"/datasets/{made.id}?version=1&split=test")
    assert "How long?" not in page
    assert "no version 9" in site.page(f"/datasets/{made.id}?version=9", 404)
    site.page("/datasets/none", 404)
    lines = site.page(f"/datasets/{made.id}/export?version=1")
    assert lines.count("\n") == 2


def test_versions_and_what_changed(site: Gateway, made: Dataset) -> None:
    page = site.page(f"/datasets/{made.id}/versions")
    assert re.findall(r"old=(\d)&amp;new=(\d)", page) == [("2", "3"), ("1", "2"), ("0", "1")]
    assert "shorter" in page
    page = site.page(f"/datasets/{made.id}/diff?old=1&new=2")
    assert "four minutes" in page
    assert "4 min" in page
    assert "removed" in site.page(f"/datasets/{made.id}/diff")
    assert "the same items" in site.page(f"/datasets/{made.id}/diff?old=2&new=2")


def test_an_item_is_read_and_corrected(site: Gateway, made: Dataset) -> None:
    path = f"/datasets/{made.id}/item?key=a"
    page = site.page(path)
    assert '<option value="json" selected>' in page
    hashed = re.search(r'name="hash" value="(\w+)"', page)
    assert hashed is not None
    fields = {"hash": hashed[1], "expected": "about four\r\nminutes", "as": "text", "split": "test", "note": "n"}
    assert site.send(path, action="save", **fields).headers["location"].endswith("done=changed")
    item = Datasets(site.platform.store).items.get("default", "a", made.id)
    assert (item.expected, item.split, item.metadata) == ("about four\nminutes", "test", {})
    assert "Somebody changed this item" in site.send(path, action="save", **fields).text
    assert "is no JSON" in site.send(path, action="save", **{**fields, "hash": item.hash, "as": "json"}).text
    assert site.send(path, action="remove").headers["location"].endswith("done=removed")
    assert "not in the newest" in site.page(path)
    assert 'href="/console/traces/t1"' in site.page(f"/datasets/{made.id}/item?key={quote('b c')}&version=1")


def test_a_file_is_taken_whole_or_not_at_all(site: Gateway, made: Dataset) -> None:
    path = f"/datasets/{made.id}/import"
    text = '{"input": "x1"}\r\n{"input": "x2"}\r\n'
    assert site.send(path, format="jsonl", text=text, file="more.jsonl").headers["location"].endswith("imported")
    newest = Datasets(site.platform.store).version("default", Datasets(site.platform.store).get("default", made.id))
    assert (newest.added, newest.note) == (2, "from more.jsonl")
    refused = site.send(path, format="jsonl", text='{"input": 1}\n{"a": 1}', file="bad.jsonl")
    assert refused.status_code == 400
    assert "bad.jsonl, line 2: `input` is missing" in refused.text
    assert "&#34;a&#34;: 1" in refused.text
    assert site.send(path, format="xml", text="x").status_code == 400
    csv = site.send(path, format="csv", text="q,a\nwhy,because\n", columns="input=q, expected=a", replace="yes")
    assert csv.status_code == 303
    page = site.page(f"/datasets/{made.id}")
    assert "why" in page
    assert "because" in page
    assert "x1" not in page


def test_a_trace_becomes_an_item(site: Gateway, made: Dataset) -> None:
    record_trace(site)
    page = site.page("/traces/t9")
    assert "/console/datasets/add?trace=t9" in page
    page = site.page("/datasets/add?trace=t9")
    assert "It was 5.2 billion [1]." in page
    fields = {"expected": "It was 5.3 billion.", "dataset": made.id, "split": "test"}
    sent = site.send("/datasets/add?trace=t9", **fields)
    page = site.page(sent.headers["location"].removeprefix("/console"))
    assert "It was 5.3 billion." in page
    assert "What was answered" in page
    assert 'href="/console/traces/t9?span=root#detail"' in page
    assert "Choose a dataset" in site.send("/datasets/add?trace=t9", expected="x").text
    assert "already" in site.send("/datasets/add?trace=t9", name="support/first").text
    assert site.send("/datasets/add?trace=t9&span=call", name="steps").status_code == 303
    assert "not kept" in site.page("/datasets/add?trace=t9&span=bare", 404)


def record_trace(site: Gateway) -> None:
    """A trace `t9`, in which the input of the step `bare` is not kept."""
    for span in (*answer("t9"), replace(answer("t9")[0], id="bare", input=None)):
        site.platform.recorder.record(span)
    site.platform.drainer.flush()


def test_who_may_what_and_hostile_text(site: Gateway, made: Dataset) -> None:
    datasets = Datasets(site.platform.store)
    text = HOSTILE.replace("\0", "")
    hostile = datasets.create("default", text, description=text)
    datasets.change("default", hostile, [NewItem(key="k", input=text, expected=text, metadata={text: text})], note=text)
    paths = ("", f"/{hostile.id}", f"/{hostile.id}/item?key=k", f"/{hostile.id}/versions", f"/{hostile.id}/diff")
    for path in (*paths, f"/{hostile.id}/import"):
        page = site.page(f"/datasets{path}")
        assert "<img" not in page, path
        shown = re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL)  # what is edited stays what it is
        assert "\u202e" not in shown, path
    site.act_as("viewer")
    page = site.page(f"/datasets/{made.id}/item?key=a")
    assert "<textarea" not in page
    assert "4 min" in page
    site.page(f"/datasets/{made.id}/import", 403)
    site.page("/datasets/add?trace=t9", 403)
