"""A whole dataset at once: duplicates out, splits in, personal data out, each in one new version."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pilothouse.errors import Conflict, InvalidRequest
from pilothouse.evals.datasets.editing import Likeness, deduplicate, scrub, split
from pilothouse.evals.datasets.scrubbing import redaction_of
from pilothouse.privacy import ProjectPrivacy
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import Item, NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets

P = "default"
LONG = " ".join(f"word{i}" for i in range(30))


@pytest.fixture
def datasets(tmp_path: Path) -> Iterator[Datasets]:
    store = open_store(Settings(home=tmp_path))
    yield Datasets(store)
    store.close()


def filled(datasets: Datasets, *items: NewItem) -> Dataset:
    made = datasets.create(P, "golden")
    datasets.change(P, made, items)
    return datasets.get(P, "golden")


def newest(datasets: Datasets) -> list[Item]:
    made = datasets.get(P, "golden")
    return [*datasets.items.each(P, made.id, made.version)]


def test_duplicates_go_by_what_is_said_to_make_them(datasets: Datasets) -> None:
    made = filled(datasets, *(NewItem(input=said) for said in ("a  b", "A b", LONG, f"{LONG} more", "c")))
    assert deduplicate(datasets, P, made).removed == 1
    assert [item.input for item in newest(datasets)] == ["a  b", LONG, f"{LONG} more", "c"]
    with pytest.raises(Conflict, match="is 2, not 1"):
        deduplicate(datasets, P, made)
    change = deduplicate(datasets, P, datasets.get(P, "golden"), Likeness("words"), author="ana")
    assert (change.version, change.removed) == (3, 1)
    made = datasets.get(P, "golden")
    assert deduplicate(datasets, P, made, Likeness("words")).version == 3
    same: Any = lambda texts: np.ones((len(texts), 1), np.float32)  # noqa: E731
    assert deduplicate(datasets, P, made, Likeness("vectors", encode=same)).removed == 2
    assert [item.input for item in newest(datasets)] == ["a  b"]
    made = datasets.get(P, "golden")
    for wrong in (Likeness("vectors"), Likeness("words", threshold=1.5)):
        with pytest.raises(InvalidRequest):
            deduplicate(datasets, P, made, wrong)


def test_nothing_alike_and_no_source_straddles_a_split(datasets: Datasets) -> None:
    items = [NewItem(input=f"{i} {LONG[: i % 7]}", metadata={"case": i // 4, "i": i}) for i in range(80)]
    items += [NewItem(input=f"{LONG} {i}", source_user=f"u{i}") for i in range(9)]
    items += [NewItem(input=f"of user 3: {i}", source_user="u3", source_trace=f"t{i}") for i in range(5)]
    made = filled(datasets, *items)
    assert split(datasets, P, made, {"train": 0.5, "test": 0.5}, by="case").changed == 94
    chosen = {str(item.input): item.split for item in newest(datasets)}
    assert {*chosen.values()} == {"train", "test"}
    assert len({chosen[str(item.input)] for item in items[80:]}) == 1
    for first in range(0, 80, 4):
        assert len({chosen[str(item.input)] for item in items[first : first + 4]}) == 1

    made = datasets.get(P, "golden")
    assert split(datasets, P, made, {"train": 0.5, "test": 0.5}, by="case").version == 2
    datasets.change(P, made, [NewItem(input="0 and more", metadata={"case": 0}), NewItem(input=f"{LONG} new")])
    made = datasets.get(P, "golden")
    assert split(datasets, P, made, {"train": 0.5, "test": 0.5}, by="case", seed=1).changed == 2
    after = {str(item.input): item.split for item in newest(datasets)}
    assert {name: after[name] for name in chosen} == chosen
    assert after["0 and more"] == chosen[str(items[0].input)]
    assert after[f"{LONG} new"] == chosen[str(items[80].input)]
    made = datasets.get(P, "golden")
    assert split(datasets, P, made, {"train": 0.5, "test": 0.5}, by="case", seed=1, again=True).changed > 10


def test_a_scrubbed_version_follows_the_one_that_is_not(datasets: Datasets) -> None:
    kept = NewItem(input="ask ada@example.com", key="k", split="test", source_trace="t", source_user="u")
    made = filled(datasets, kept, NewItem(input="nothing personal"))
    change = scrub(datasets, P, made, redaction_of(ProjectPrivacy(redact=["email"])))
    assert (change.version, change.changed, change.unchanged) == (2, 1, 1)
    item = datasets.items.get(P, "k")
    assert replace(kept, input="ask [email]") == NewItem(
        **{name: getattr(item, name) for name in NewItem.__dataclass_fields__}
    )
    assert datasets.items.get(P, "k", version=1).input == "ask ada@example.com"
