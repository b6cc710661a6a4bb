"""Agreement of a queue: the right measure for each kind, with intervals, and nothing where nothing can be told."""

import numpy as np
import pytest

from pilothouse.evals.review.agreement import agreed
from pilothouse.stats.agreement import cohen, fleiss, krippendorff
from pilothouse.storage.evaluating.review_items import Source
from pilothouse.storage.evaluating.review_labels import Value
from pilothouse.storage.evaluating.reviews import Label


def labels(*votes: dict[str, Value]) -> list[Label]:
    return [Label(str(place), Source(), None, given) for place, given in enumerate(votes)]


def test_points_are_ordinal_and_weighted() -> None:
    random = np.random.default_rng(3)
    truth = [int(point) for point in random.integers(1, 6, 60)]
    near = [min(5, max(1, point + int(random.integers(-1, 2)))) for point in truth]
    votes: list[dict[str, Value]] = [{"ada": a, "bob": b} for a, b in zip(truth, near, strict=True)]
    told = agreed("likert", "clear", labels(*votes, {"ada": 3}, {}))
    assert (told.criterion, told.items, told.votes) == ("clear", 60, 120)
    assert told.alpha is not None
    assert told.fleiss is not None
    assert told.alike is not None
    same = [[a, b] for a, b in zip(truth, near, strict=True)]
    assert told.alpha.value == pytest.approx(krippendorff(same, "ordinal", (1, 2, 3, 4, 5)).value)
    assert told.fleiss.value == pytest.approx(fleiss(same).value)
    (pair,) = told.pairs
    assert (pair.one, pair.other) == ("ada", "bob")
    assert pair.kappa.value == pytest.approx(cohen(truth, near, "quadratic", (1, 2, 3, 4, 5)).value)
    assert told.alike.value == sum(a == b for a, b in zip(truth, near, strict=True)) / 60
    assert told.alpha.low is not None
    assert told.alpha.high is not None
    assert told.alpha.low < (told.alpha.value or 0) < told.alpha.high
    assert told == agreed("likert", "clear", labels(*votes, {"ada": 3}, {})), "the same again"


def test_choices_are_nominal_and_votes_may_be_missing() -> None:
    votes: list[dict[str, Value]] = [
        {"ada": "a", "bob": "a", "cyd": "a"}, {"ada": "b", "bob": "b", "cyd": "tie"}, {"ada": "a", "bob": "b"},
        {"bob": "tie", "cyd": "tie", "ada": "tie"},
    ]  # fmt: skip
    told = agreed("pairwise", "better", labels(*votes))
    assert told.alpha is not None
    assert told.fleiss is not None
    given = [[*one.values()] for one in votes]
    assert told.alpha.value == pytest.approx(krippendorff(given, "nominal", ("a", "tie", "b")).value)
    assert told.fleiss.n == 3, "those with as many votes as most have"
    assert [(pair.one, pair.other, pair.kappa.n) for pair in told.pairs] == [
        ("ada", "bob", 4), ("ada", "cyd", 3), ("bob", "cyd", 3),
    ]  # fmt: skip


def test_of_single_votes_nothing_is_told() -> None:
    told = agreed("likert", "clear", labels({"ada": 3}, {"bob": 4}, {}))
    assert (told.items, told.alike, told.alpha, told.fleiss, told.pairs) == (0, None, None, None, ())


def test_where_all_say_the_same_the_coefficients_are_not_defined() -> None:
    told = agreed("likert", "clear", labels({"ada": 3, "bob": 3}, {"ada": 3, "bob": 3}))
    assert told.alpha is not None
    assert (told.alpha.value, told.alike and told.alike.value) == (None, 1.0)
    assert "one label alone" in told.alpha.note
