"""Agreement beyond chance, against worked values and other packages."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.agreement import Label, cohen, fleiss, krippendorff, majority, raw_agreement
from pilothouse.stats.intervals import student, wilson, wilson_bounds

PAIRS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=2, max_size=40)
FLEISS = [  # Fleiss 1971's layout as in a well-known worked example: 10 items, 14 raters, 5 labels, kappa 0.210
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
KRIPPENDORFF: list[list[Label | None]] = [  # the data of "Computing Krippendorff's Alpha-Reliability" (2011)
    [1, 1, None, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4],
    [4, 4, 4, 4], [1, 1, 2, 1], [2, 2, 2, 2], [None, 5, 5, 5], [None, None, 1, 1], [None, 3, None, None],
]  # fmt: skip


def of_table(table: list[list[int]]) -> tuple[list[Label], list[Label]]:
    cells = [(row, column) for row, line in enumerate(table) for column, n in enumerate(line) for _ in range(n)]
    return [row for row, _ in cells], [column for _, column in cells]


def test_kappa_by_hand() -> None:
    one, other = of_table([[20, 5], [10, 15]])
    found = cohen(one, other)
    assert (found.observed, found.expected, found.value) == pytest.approx((0.7, 0.5, 0.4))
    assert found.error == pytest.approx(0.12699606293110033, rel=1e-12)  # cohens_kappa of statsmodels 0.15.0
    as_many = 0.7 * 0.3 / (0.12699606293110033 * 0.5) ** 2  # items, 52, have this error; kappa is 2 * agreement - 1
    low, high = wilson_bounds(0.7 * as_many, as_many, student(0.95, 49))
    assert (found.low, found.high) == pytest.approx((2 * low - 1, 2 * high - 1), abs=1e-12)
    assert raw_agreement(one, other) == wilson(35, 50)


def test_weighted_kappas_are_as_statsmodels_has_them() -> None:
    one, other = of_table([[11, 3, 1, 0], [1, 9, 0, 1], [0, 1, 10, 0], [1, 2, 4, 16]])  # cohens_kappa, 0.15.0
    due = {
        "nominal": (0.6870342771982116, 0.0720981921145158),
        "linear": (0.7442455242966752, 0.06725115735760134),
        "quadratic": (0.7921760391198045, 0.07209461125211836),
    }
    for weights, told in due.items():
        found = cohen(one, other, weights)  # type: ignore[arg-type]
        assert (found.value, found.error) == pytest.approx(told, abs=1e-12)
        low, high = found.low or 0.0, found.high or 0.0
        assert low < found.value < high  # type: ignore[operator]
        assert high - low == pytest.approx(2 * student(0.95, 59) * told[1], rel=0.05)
        assert found.value - low > high - found.value  # type: ignore[operator]


def test_distances_are_those_of_numbers_or_places() -> None:
    words = ["bad", "fair", "good", "fair", "bad", "good"]
    others = ["bad", "good", "good", "fair", "fair", "good"]
    places = {"bad": 1, "fair": 2, "good": 3}
    by_order = cohen(words, others, "quadratic", order=list(places))
    by_number = cohen([places[one] for one in words], [places[one] for one in others], "quadratic")
    assert by_order == by_number
    assert cohen([1, 2, 5, 5], [1, 5, 5, 2], "linear").value != cohen([1, 2, 3, 3], [1, 3, 3, 2], "linear").value
    with pytest.raises(ValueError, match="need an order"):
        cohen(words, others, "linear")
    with pytest.raises(ValueError, match="'good' is not in the order"):
        cohen(words, others, order=["bad", "fair"])


def test_agreement_that_nothing_can_be_told_of() -> None:
    same = cohen(["yes"] * 9, ["yes"] * 9)
    assert (same.value, same.low, same.note) == (None, None, "one label alone was given: chance agrees, too")
    few = cohen([1, 0, 1, 0, 1], [1, 0, 1, 0, 1])
    assert few.value == few.high == 1.0
    assert few.low == pytest.approx((wilson(5, 5).low - 0.52) / 0.48)  # type: ignore[operator]
    assert (few.low or 1.0) < 0.2
    assert few.note.startswith("all of 5 agree")
    never = cohen([1, 0, 1, 0], [0, 1, 0, 1])
    assert (never.value, never.low) == (-1.0, -1.0)
    assert never.high == pytest.approx(2 * (wilson(0, 4).high or 0.0) - 1)
    assert "rough" in cohen([1, 0, 1, 0, 1], [1, 0, 1, 0, 0]).note


@settings(deadline=None, max_examples=50)
@given(PAIRS)
def test_kappa_has_no_side_no_order_and_bounds(pairs: list[tuple[int, int]]) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    for weights in ("nominal", "linear", "quadratic"):
        found = cohen(one, other, weights)  # type: ignore[arg-type]
        turned = cohen(other[::-1], one[::-1], weights)  # type: ignore[arg-type]
        if found.value is None:
            assert turned.value is None
            continue
        assert found.value == pytest.approx(turned.value)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1 + 1e-9


@settings(deadline=None, max_examples=50)
@given(PAIRS)
def test_quadratic_kappa_is_of_the_squared_distances(pairs: list[tuple[int, int]]) -> None:
    one, other = np.array(pairs).T
    spread = ((one[:, None] - other[None, :]) ** 2).mean()
    found = cohen(one.tolist(), other.tolist(), "quadratic")
    if found.value is not None:
        assert found.value == pytest.approx(1 - ((one - other) ** 2).mean() / spread)


def test_fleiss_is_the_worked_example() -> None:
    items: list[list[Label]] = [[label for label, n in enumerate(row) for _ in range(n)] for row in FLEISS]
    found = fleiss(items)
    assert found.value == pytest.approx(0.20993070442195522)  # statsmodels 0.15.0
    assert (found.observed, found.expected) == pytest.approx((0.378, 0.213), abs=5e-4)
    assert (found.low, found.high) == (None, None)
    drawn = fleiss(items, np.random.default_rng(1))
    assert drawn == fleiss(items, np.random.default_rng(1))
    assert (drawn.low or 1.0) < 0.21 < (drawn.high or 0.0)
    with pytest.raises(ValueError, match=r"equally many .* krippendorff"):
        fleiss([[1, 2], [1, 2, 3]])
    with pytest.raises(ValueError, match="equally many"):
        fleiss([[1], [1]])
    assert fleiss([[1, 1], [2, 2], [1, 1]]).note.startswith("all of 3 agree")
    assert fleiss([[1, 1], [1, 1]]).value is None


def test_alpha_is_krippendorffs_own_example() -> None:
    due = {"nominal": 0.743421052631579, "ordinal": 0.8153875037548814, "interval": 0.8491071428571428}
    for metric, value in due.items():  # 0.743, 0.815 and 0.849 in the paper; the digits by krippendorff 0.9.0
        found = krippendorff(KRIPPENDORFF, metric)  # type: ignore[arg-type]
        assert (found.value, found.n) == (pytest.approx(value, abs=1e-12), 11)
        drawn = krippendorff(KRIPPENDORFF, metric, random=np.random.default_rng(1))  # type: ignore[arg-type]
        assert drawn.low is not None
        assert drawn.low < value < (drawn.high or 0.0) <= 1


def test_alpha_of_words_needs_their_order() -> None:
    words = {1: "a", 2: "b", 3: "c", 4: "d", 5: "e"}
    items = [[words[int(one)] if one is not None else None for one in item] for item in KRIPPENDORFF]
    assert krippendorff(items).value == krippendorff(KRIPPENDORFF).value
    assert krippendorff(items, "ordinal", order="abcde").value == krippendorff(KRIPPENDORFF, "ordinal").value
    with pytest.raises(ValueError, match="need an order"):
        krippendorff(items, "ordinal")
    with pytest.raises(ValueError, match="is no number"):
        krippendorff(items, "interval")
    with pytest.raises(ValueError, match="no item has two labels"):
        krippendorff([[1, None], [None, 2]])
    with pytest.raises(ValueError, match="nan is no label"):
        krippendorff([[1, math.nan]])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.sampled_from([1, 2, 3, None]), min_size=3, max_size=3), min_size=1, max_size=15))
def test_alpha_has_no_order_of_raters_or_items(items: list[list[int | None]]) -> None:
    if not any(sum(one is not None for one in item) >= 2 for item in items):
        return
    for metric in ("nominal", "ordinal", "interval"):
        found = krippendorff(items, metric)  # type: ignore[arg-type]
        turned = krippendorff([item[::-1] for item in items[::-1]], metric)  # type: ignore[arg-type]
        assert (found.value is None) == (turned.value is None)
        if found.value is not None:
            assert found.value == pytest.approx(turned.value)
            assert found.value <= 1


def test_alpha_where_all_agree_or_nothing_differs() -> None:
    alike = krippendorff([[1, 1], [2, 2], [1, 1]])
    assert alike.value == 1.0
    assert (alike.low or 1.0) < 1
    assert krippendorff([[1, 1], [2, 2]], "interval").low is None
    assert krippendorff([[1, 1], [1, 1]]).value is None
    lone: list[list[Label | None]] = [[1, 1]] * 19 + [[1, 2]]
    assert "too few to tell bounds" in krippendorff(lone, random=np.random.default_rng(1)).note


def test_the_interval_of_kappa_holds_it_about_as_often_as_it_says() -> None:
    random, held, above = np.random.default_rng(3), 0, 0
    both = 0.9**2 + 0.1**2
    passes = 0.7 * 0.9 + 0.3 * 0.1
    chance = passes**2 + (1 - passes) ** 2
    kappa = (both - chance) / (1 - chance)
    for _ in range(300):
        truth = random.random(100) < 0.7
        one, other = (np.where(random.random(100) < 0.9, truth, ~truth).tolist() for _ in range(2))
        found = cohen(one, other)
        held += (found.low or 0.0) <= kappa <= (found.high or 0.0)
        above += (found.low or 0.0) > kappa
    assert above <= 15
    assert 0.91 <= held / 300 <= 0.99


def test_votes() -> None:
    assert majority(["a", "b", "a", None]).label == "a"
    assert majority(["a", "b", "a", None]).share == pytest.approx(2 / 3)
    tied = majority([1, 2, 2, 1, 3])
    assert (tied.label, tied.tied, tied.n) == (None, (1, 2), 5)
    assert majority([None]) == majority([])
    assert (majority([]).label, majority([]).n) == (None, 0)
    with pytest.raises(ValueError, match="2 and 1 labels"):
        cohen([1, 2], [1])
