"""Parts of the cases that do worse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.stats.intervals import wilson
from pilothouse.stats.slices import slices


def random() -> np.random.Generator:
    return np.random.default_rng(1)


def test_the_worst_slice_leads_and_chance_is_told() -> None:
    metadata: list[dict[str, object]] = [{"lang": "de" if place % 4 == 0 else "en", "all": 1} for place in range(200)]
    scores = [0.0 if place % 8 == 0 else 1.0 for place in range(200)]  # half of the German ones fail
    found = slices(metadata, scores, random())
    assert [(one.key, one.value) for one in found.worst_first] == [("lang", "de"), ("lang", "en")]
    worst, best = found.worst_first
    assert worst.mean == wilson(25, 50)
    assert (worst.difference, best.difference) == (-0.5, 0.5)
    assert worst.p < 1e-9
    assert worst.cases[:3] == (0, 4, 8)
    assert found.small == {}


def test_few_cases_by_bad_luck_do_not_lead() -> None:
    metadata = [{"tag": "few"}] * 10 + [{"tag": "many"}] * 100 + [{"tag": "rest"}] * 100 + [{"tag": "one"}]
    scores = [0.0] * 4 + [1.0] * 6 + [0.0] * 39 + [1.0] * 61 + [1.0] * 101
    found = slices(metadata, scores, random())
    assert [one.value for one in found.worst_first] == ["many", "few", "rest"]  # 0.61 of 100 before 0.60 of 10
    assert found.small == {"tag": 1}
    assert [one.value for one in slices(metadata, scores, random(), least=1).worst_first][-1] == "one"


def test_tags_yes_or_no_and_numbers() -> None:
    metadata: list[dict[str, object]] = [
        {"tags": ["long", "long", "table"] if place < 20 else ["short"], "cited": place % 2 == 0, "tokens": place * 1.5,
         "level": place % 3, "nested": {"a": 1}, "none": None}
        for place in range(60)
    ]  # fmt: skip
    found = slices(metadata, np.linspace(0, 1, 60), random(), bounds=(0.0, 1.0))
    told = {(one.key, one.value): one for one in found.worst_first}
    assert {key for key, _ in told} == {"tags", "cited", "tokens", "level"}
    assert len(told["tags", "long"].cases) == len(told["tags", "table"].cases) == 20
    assert told["cited", "true"].mean.n == 30
    assert {value for key, value in told if key == "level"} == {"0", "1", "2"}
    assert told["tokens", "0 to 21"].cases == tuple(range(15))
    assert found.worst_first[0].value == "0 to 21"
    assert told["tokens", "0 to 21"].mean.method == "bca"


def test_equal_scores_have_no_chance_to_differ() -> None:
    found = slices([{"a": place % 2} for place in range(40)], [1.0] * 40, random())
    assert {one.p for one in found.worst_first} == {1.0}


def test_slices_at_random_are_rarely_found() -> None:
    source, found = np.random.default_rng(2), 0
    for _ in range(40):
        metadata = [{"one": str(a), "two": str(b)} for a, b in source.integers(5, size=(150, 2))]
        told = slices(metadata, (source.random(150) < 0.7).astype(float), source)
        found += any(one.p <= 0.05 for one in told.worst_first)
    assert found <= 8


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans()), min_size=1, max_size=30))
def test_every_slice_is_of_its_cases(cases: list[tuple[str | None, bool]]) -> None:
    scores = np.array([float(score) for _, score in cases])
    found = slices([{"k": name} if name else {} for name, _ in cases], scores, random(), least=2)
    for one in found.worst_first:
        assert [cases[place][0] for place in one.cases] == [one.value] * len(one.cases)
        assert one.mean.value == pytest.approx(scores[list(one.cases)].mean())
        rest = np.delete(scores, list(one.cases)).mean()
        assert one.difference == pytest.approx(one.mean.value - rest)
        assert 0 <= one.p <= 1


def test_other_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="1 cases and 2 scores"):
        slices([{}], [1.0, 0.0], random())
