"""What is done to a whole dataset at once: duplicates out, splits in, personal data out. Each makes one new version.

The texts of all inputs are held in memory while they are compared; items pass by one at a time.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets.near import alike, alike_by_vectors, normalised, said
from pilothouse.evals.datasets.scrubbing import scrubbed
from pilothouse.evals.datasets.splitting import split_by_groups
from pilothouse.observe.privacy.redaction import Redaction
from pilothouse.storage.evaluating.dataset_changes import Change
from pilothouse.storage.evaluating.dataset_items import Item, NewItem
from pilothouse.storage.evaluating.datasets import Dataset, Datasets

__all__ = ["Likeness", "Tick", "deduplicate", "scrub", "split"]

Tick = Callable[[], object]
"""Is told of each item that was read."""

_FIELDS = [field.name for field in fields(NewItem)]


def _unheard() -> None:
    """Where nobody counts."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What makes two items duplicates: equal inputs (`exact`, however written), the words of their inputs (`words`:
    MinHash, then Jaccard), or vectors of them (`vectors`: cosine). `threshold` is the least similarity, by default 0.8
    of words and 0.95 of vectors. `encode` makes the vectors (n, dimensions; L2-normalised) of texts."""

    by: Literal["exact", "words", "vectors"] = "exact"
    threshold: float | None = None
    encode: Callable[[list[str]], NDArray[np.float32]] | None = None

    def groups(self, items: list[tuple[str, str]]) -> list[int]:
        """For each input, as (its normal form, what it says), the place of the first that it is like."""
        if not (self.threshold is None or 0 < self.threshold <= 1):
            raise InvalidRequest("The threshold must be above 0 and at most 1.", param="threshold")
        if self.by == "vectors":
            if self.encode is None:
                raise InvalidRequest("Likeness by vectors needs an encoder.", param="by")
            return alike_by_vectors(self.encode([text for _, text in items]), self.threshold or 0.95)
        if self.by == "words":
            return alike([text for _, text in items], self.threshold or 0.8)
        seen = dict[str, int]()
        return [seen.setdefault(normal, place) for place, (normal, _) in enumerate(items)]


def deduplicate(
    datasets: Datasets, project: str, dataset: Dataset, likeness: Likeness | None = None, *, author: str = "",
    tick: Tick = _unheard,
) -> Change:  # fmt: skip
    """Keep the first item of those that are alike."""
    keys, texts = list[str](), list[tuple[str, str]]()
    for item in datasets.items.each(project, dataset.id, dataset.version):
        tick()
        keys.append(item.key)
        texts.append(_texts(item))
    groups = (likeness or Likeness()).groups(texts)
    again = [keys[place] for place, first in enumerate(groups) if first != place]
    return datasets.change(
        project, dataset, remove=again, base=dataset.version, author=author, note="without duplicates"
    )


def split(
    datasets: Datasets, project: str, dataset: Dataset, shares: Mapping[str, float], *, seed: int = 0,
    likeness: Likeness | None = None, by: str = "", again: bool = False, author: str = "", tick: Tick = _unheard,
) -> Change:  # fmt: skip
    """Give each item a split, so that none straddles two: items that are alike (by their words unless told otherwise),
    of one trace, one user, or one value of the metadata `by`.

    Splits that items have are kept where `shares` names them, unless `again`: after items were added, the others stay.
    """
    keys, groups, held, texts = list[str](), list[list[str]](), list[str | None](), list[tuple[str, str]]()
    for item in datasets.items.each(project, dataset.id, dataset.version):
        tick()
        keys.append(item.key)
        texts.append(_texts(item))
        groups.append([*_sources(item, by), f"input:{texts[-1][0]}"])
        held.append(None if again else item.split)
    for place, first in enumerate((likeness or Likeness("words")).groups(texts)):
        groups[place].append(f"input:{texts[first][0]}")
    chosen = dict(zip(keys, split_by_groups(groups, shares, seed, held), strict=True))

    def changed() -> Iterator[NewItem]:
        for item in datasets.items.each(project, dataset.id, dataset.version):
            if item.split != chosen[item.key]:
                yield replace(_new(item), split=chosen[item.key])

    told = ", ".join(f"{name} {share:g}" for name, share in shares.items())
    return datasets.change(project, dataset, changed(), base=dataset.version, author=author, note=f"split: {told}")


def scrub(
    datasets: Datasets, project: str, dataset: Dataset, redaction: Redaction, *, author: str = "", tick: Tick = _unheard
) -> Change:
    """Replace personal data in every item. Versions of before keep what they have."""

    def changed() -> Iterator[NewItem]:
        for item in datasets.items.each(project, dataset.id, dataset.version):
            tick()
            yield scrubbed(_new(item), redaction)

    return datasets.change(
        project, dataset, changed(), base=dataset.version, author=author, note="personal data replaced"
    )


def _new(item: Item) -> NewItem:
    return NewItem(**{name: getattr(item, name) for name in _FIELDS})


def _texts(item: Item) -> tuple[str, str]:
    return normalised(item.input), said(item.input)


def _sources(item: Item, by: str) -> Iterator[str]:
    if item.source_trace is not None:
        yield f"trace:{item.source_trace}"
    if item.source_user is not None:
        yield f"user:{item.source_user}"
    if by and item.metadata.get(by) is not None:
        yield f"{by}:{normalised(item.metadata[by])}"
