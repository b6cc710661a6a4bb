"""Orders on a whole dataset, as they are stated, and what becomes of each."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.call import Span
from pilothouse.errors import ConfigError, NotFound
from pilothouse.evals.datasets.work import Deduplicating, Sample, Scrubbing, Splitting, Work, work_task
from pilothouse.observe import Drainer, SpoolRecorder
from pilothouse.settings import Settings
from pilothouse.storage import Spool, Store, open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets

P = "default"
ASKED = ["How long does a rollback take?", "How long does a roll-back take?", "Who painted the Mona Lisa?"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    store = open_store(settings)
    yield store
    store.close()


@pytest.fixture
def filled(store: Store) -> Datasets:
    """A dataset `d` of six items, of which two have the same input."""
    datasets = Datasets(store)
    texts = ["one", "two", "three", "four", "ONE ", "mail ana@example.com"]
    datasets.change(P, datasets.create(P, "d"), [NewItem(key=str(i), input=text) for i, text in enumerate(texts)])
    return datasets


def asked(i: int, text: str, status: Any = "ok") -> Span:
    return Span(
        trace_id=f"t{i}", id=f"s{i}", project_id=P, name="chat", kind="llm", start_us=1_750_000_000_000_000 + i,
        end_us=1_750_000_000_000_005 + i, status=status, input={"messages": [{"role": "user", "content": text}]},
        output={"text": "an answer for ana@example.com"},
    )  # fmt: skip


def test_duplicates_go_and_splits_come(store: Store, filled: Datasets, tmp_path: Path) -> None:
    work, seen = Work(store, tmp_path, P, "ana"), list[tuple[int, int]]()
    told = work.do("d", Deduplicating(), lambda done, total, note="": seen.append((done, total)))
    dataset = filled.get(P, "d")
    assert told == {"dataset": dataset.id, "version": 2, "added": 0, "changed": 0, "removed": 1, "unchanged": 0}
    assert seen[-1] == (6, 6)
    assert filled.version(P, dataset).author == "ana"
    told = work.do("d", Splitting(shares={"train": 0.5, "test": 0.5}))
    assert (told["version"], told["changed"]) == (3, 5)
    assert sum(filled.items.splits(P, dataset.id, 3).values()) == 5


def test_personal_data_goes(store: Store, filled: Datasets, tmp_path: Path) -> None:
    assert Work(store, tmp_path, P).do("d", Scrubbing())["changed"] == 1
    assert filled.items.get(P, "5").input == "mail [email]"
    own = Scrubbing(redact=[], patterns={"NUMBER": "three|four"})
    assert Work(store, tmp_path, P).do("d", own)["changed"] == 2
    assert filled.items.get(P, "2").input == "[NUMBER]"
    with pytest.raises(ConfigError, match="patterns"):
        Work(store, tmp_path, P).do("d", Scrubbing(patterns={"x": "("}))
    with pytest.raises(NotFound):
        Work(store, tmp_path, P).do("other", Scrubbing())


def test_a_sample_of_traces_as_far_apart_as_can_be(store: Store, settings: Settings, models_dir: Path) -> None:
    spool = Spool.open(settings.home, 2**24)
    drainer = Drainer(spool, store, settings.home)
    recorder = SpoolRecorder(spool, drainer.wake)
    for i, text in enumerate(ASKED):
        recorder.record(asked(i, text, "error" if i == 1 else "ok"))
    drainer.flush()
    spool.close()
    datasets = Datasets(store)
    datasets.create(P, "d")
    work = Work(store, models_dir, P)
    told = work.do("d", Sample(how="diverse", most=2, scrub=Scrubbing()))
    assert (told["found"], told["chosen"], told["unreadable"], told["added"]) == (3, 2, 0, 2)
    items = datasets.items.page(P, told["dataset"], 1).items
    assert "t2" in {item.source_trace for item in items}
    assert items[0].metadata["output"] == {"text": "an answer for [email]"}
    assert "diverse" in datasets.version(P, datasets.get(P, "d")).note
    assert work.do("d", Sample(filters={"status": "error"}))["found"] == 1


def test_an_order_of_the_queue(filled: Datasets, settings: Settings) -> None:
    payload = {"home": str(settings.home), "project": P, "dataset": "d", "author": "ana", "order": {"do": "dedupe"}}
    assert work_task(payload, lambda done, total, note="": None)["removed"] == 1


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (Sample, {"filters": {"modell": "x"}}, "'modell' is no filter of traces"),
        (Sample, {"filters": {"since_us": "soon"}}, "since_us: "),
        (Sample, {"filters": {"since_us": 10**30}}, "since_us: is out of range"),
        (Sample, {"filters": {"score_least": 0.5}}, "need a `score`"),
        (Sample, {"filters": {"text": "\ud800"}}, "without NUL"),
        (Sample, {"how": "stratified"}, "say what to stratify by"),
        (Sample, {"how": "best"}, "how"),
        (Sample, {"most": 0}, "most"),
        (Scrubbing, {"redact": ["mail"]}, "no kind of personal data is called 'mail'"),
        (Splitting, {"shares": {}}, "shares"),
        (Splitting, {"shares": {"a": 1}, "by": "\0"}, "without NUL"),
        (Deduplicating, {"threshold": 2}, "threshold"),
        (Deduplicating, {"why": 1}, "why"),
    ],
    ids=str,
)
def test_an_order_that_is_none(kind: Any, given: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        kind(**given)
