"""Adjusted p-values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.multiple import benjamini_hochberg, holm

P = st.lists(st.floats(0, 1), min_size=1, max_size=20)


def test_worked_by_hand() -> None:
    p = [0.04, 0.01, 0.03, 0.02]
    assert holm(p).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])  # 4 * .01; 3 * .02; 2 * .03; 1 * .04 under .06
    assert benjamini_hochberg(p).tolist() == pytest.approx([0.04, 0.04, 0.04, 0.04])  # 4/1, 4/2, 4/3, 4/4 times
    assert benjamini_hochberg([0.5, 0.001]).tolist() == pytest.approx([0.5, 0.002])
    assert holm([]).tolist() == []


@settings(deadline=None, max_examples=50)
@given(P)
def test_adjusted_are_larger_keep_their_order_and_are_at_most_one(p: list[float]) -> None:
    strict, mild = holm(p), benjamini_hochberg(p)
    for index, one in enumerate(p):
        assert one <= mild[index] + 1e-15 <= strict[index] + 2e-15 <= 1 + 2e-15
        for other in range(len(p)):
            if one < p[other]:
                assert strict[index] <= strict[other]
                assert mild[index] <= mild[other]


@settings(deadline=None, max_examples=50)
@given(P, st.randoms(use_true_random=False))
def test_the_order_of_tests_says_nothing(p: list[float], random: object) -> None:
    places = list(range(len(p)))
    random.shuffle(places)  # type: ignore[attr-defined]
    for adjust in (holm, benjamini_hochberg):
        assert adjust([p[one] for one in places]).tolist() == adjust(p)[places].tolist()


@pytest.mark.parametrize("p", [[-0.1], [1.1], [float("nan")]])
def test_no_chance_is_refused(p: list[float]) -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1|not finite"):
        holm(p)
