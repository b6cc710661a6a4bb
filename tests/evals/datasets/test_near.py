"""Which texts are nearly the same, against every pair compared by hand."""

import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from pilothouse.evals.datasets.near import alike, alike_by_vectors, normalised, said


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.split()
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def test_it_finds_the_pairs_that_comparing_all_finds() -> None:
    chance = random.Random(5)
    texts = [" ".join(chance.choices("abcdefghij", k=30)) for _ in range(40)]
    for text in texts[:20]:
        words = text.split()
        words[chance.randrange(30)] = "changed"
        texts.append(" ".join(words))
    sets = [shingles(text) for text in texts]
    expected = [*range(len(texts))]
    for a, b in combinations(range(len(texts)), 2):
        if len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= 0.8:
            expected[b] = min(expected[b], expected[a])
    assert alike(texts, 0.8) == expected
    assert sum(place != first for place, first in enumerate(expected)) > 10


def test_copies_are_alike_however_they_are_written_and_groups_are_joined() -> None:
    assert alike(["A  b\nC", "x", "a b c", "Ａ b c", "", " "]) == [0, 1, 0, 0, 4, 4]  # the fourth in full width
    words = [f"w{i}" for i in range(40)]
    chain = [" ".join(words), " ".join(words[3:]), " ".join(words[6:])]
    assert alike(chain, 0.9) == [0, 0, 0]  # the ends by way of the middle
    assert alike([chain[0], chain[2]], 0.9) == [0, 1]
    assert alike([]) == []
    assert alike(["same words"] * 500 + [f"{' '.join(words)} {i}" for i in range(200)], 0.9) == [0] * 500 + [500] * 200


def test_vectors_are_compared_by_their_cosine() -> None:
    chance = np.random.default_rng(3)
    vectors = chance.normal(size=(1500, 32)).astype(np.float32)
    vectors[1400] = vectors[7] + 0.01
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = alike_by_vectors(vectors, 0.95)
    assert groups[1400] == 7
    assert sum(place != first for place, first in enumerate(groups)) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        ({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": [{"text": "a"}, 5]}]}, "a\n5"),
        ([{"role": "user", "content": "a"}, {"role": "assistant", "content": None}, 7], "a"),
        ({"input": [{"role": "developer", "content": "s"}, {"role": "user", "content": "b"}]}, "b"),
        ({"question": "q", "more": [1, None]}, "q\n1"),
        (5, "5"),
        (None, ""),
    ],
    ids=str,
)
def test_what_is_compared_is_what_was_said(value: Any, text: str) -> None:
    assert said(value) == text


def test_equal_values_have_one_normal_form() -> None:
    assert normalised({"b": 1, "a": "X  y"}) == normalised({"a": "x y", "b": 1}) != normalised({"a": "x y", "b": 2})
