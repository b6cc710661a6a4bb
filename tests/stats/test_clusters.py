"""Groups of vectors: those that were made apart are found apart, the same every time, and known again later."""

import numpy as np
import pytest

from pilothouse.stats import clusters
from pilothouse.stats.clusters import (
    Labels,
    Vectors,
    choose,
    groups,
    laid_out,
    matched,
    partition,
    principal,
    silhouettes,
    unit,
)

LOOSE = 0.3


def made(sizes: list[int], dimensions: int = 32, seed: int = 3) -> tuple[Vectors, Labels]:
    """Vectors around as many directions, in one order, and the direction of each."""
    random = np.random.default_rng(seed)
    middles = np.linalg.qr(random.normal(size=(dimensions, dimensions)))[0][: len(sizes)]
    of = np.repeat(np.arange(len(sizes)), sizes)
    return unit(middles[of] + LOOSE * random.normal(size=(len(of), dimensions)) / dimensions**0.5), of


def same(one: Labels, other: Labels) -> bool:
    """Whether both part the vectors alike."""
    pairs = set(zip(one.tolist(), other.tolist(), strict=True))
    return len(pairs) == len(set(one.tolist())) == len(set(other.tolist()))


@pytest.mark.parametrize("sizes", [[30, 30], [10, 60, 25, 40], [50, 5, 5, 5, 30, 20, 12]])
def test_what_was_made_apart_is_found_apart(sizes: list[int]) -> None:
    vectors, of = made(sizes)
    assert choose(vectors, range(2, 11)) == len(sizes)
    labels, centres = groups(vectors, len(sizes))
    assert same(labels, of)
    assert np.allclose(np.linalg.norm(centres, axis=1), 1, atol=1e-5)
    again, _ = groups(vectors, len(sizes))
    assert np.array_equal(again, labels)


@pytest.mark.parametrize(("sizes", "dimensions"), [([30, 30, 30, 30], 64), ([20, 20], 8)])
def test_as_many_groups_as_fit(sizes: list[int], dimensions: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, of = made(sizes, dimensions)
    assert same(partition(vectors), of)
    monkeypatch.setattr(clusters, "_GROUPED", 25)
    assert same(partition(vectors), of)
    assert set(partition(np.repeat(vectors[:1], 30, axis=0)).tolist()) == {0}


def test_fewer_different_vectors_than_groups() -> None:
    vectors, _ = made([1, 1])
    labels, centres = groups(np.repeat(vectors, 10, axis=0), 5)
    assert (len(centres), set(labels.tolist())) == (2, {0, 1})
    assert choose(vectors[:1], range(2, 5)) == 1
    assert choose(vectors, []) == 1


def test_the_number_of_before_stays_where_it_is_as_good() -> None:
    vectors, _ = made([40, 40, 40])
    assert choose(vectors, range(2, 8), before=3) == 3
    assert choose(vectors, range(2, 8), before=7) == 3
    small = unit(np.random.default_rng(1).normal(size=(300, 64)).astype(np.float32))  # no number is better than another
    assert {choose(small, range(2, 8), before=k) for k in (4, 6)} == {4, 6}


def test_silhouettes_are_those_of_the_definition() -> None:
    vectors, labels = made([4, 3, 1])
    told = silhouettes(vectors, labels)
    distance = 1 - vectors @ vectors.T
    for i in range(7):
        own = np.mean([distance[i, j] for j in range(8) if labels[j] == labels[i] and j != i])
        other = min(np.mean(distance[i, labels == k]) for k in range(3) if k != labels[i])
        assert told[i] == pytest.approx((other - own) / max(own, other), abs=1e-5)
    assert told[7] == 0  # alone
    assert silhouettes(vectors, np.zeros(8, np.intp)).tolist() == [0] * 8


def test_a_map_keeps_what_differs_most_and_stays_as_it_was() -> None:
    vectors, of = made([40, 40])
    places = principal(vectors, 2)
    assert places.shape == (80, 2)
    assert places[of == 0, 0].max() < places[of == 1, 0].min() or places[of == 1, 0].max() < places[of == 0, 0].min()
    assert places.var(axis=0)[0] > places.var(axis=0)[1]
    assert np.abs(principal(vectors[1:], 2) - places[1:]).max() < 0.2
    assert principal(vectors[:1], 2).tolist() == [[0, 0]]


@pytest.mark.parametrize("sizes", [[40], [30, 40], [20, 20, 20, 20, 20]])
def test_groups_stay_apart_on_a_map(sizes: list[int]) -> None:
    vectors, of = made(sizes)
    centres = unit(np.stack([vectors[of == k].mean(axis=0) for k in range(len(sizes))]))
    places = laid_out(vectors, of, centres)
    assert places.shape == (len(of), 2)
    assert (places.std(axis=0) > 0).all()
    homes = np.stack([np.median(places[of == k], axis=0) for k in range(len(sizes))])
    nearest = ((places[:, None] - homes) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == of).mean() > 0.9


def test_centres_are_known_again_each_once() -> None:
    before, _ = made([1, 1, 1])
    now = np.stack([before[2], unit((before[0] + 0.1 * before[1])[None])[0], before[0]])
    assert matched(before, now, 0.8) == {0: 2, 2: 0}
    assert matched(before[:0], now, 0.8) == {}
    assert matched(before, before[:0], 0.8) == {}
