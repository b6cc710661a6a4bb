"""Logistic heads: the fit finds what made the data, a file says what was saved, the shipped one is there."""

from pathlib import Path

import numpy as np
import pytest

from pilothouse.errors import ConfigError
from pilothouse.models.heads import Head, fit, refit


def head(weights: list[float], bias: float = 0.0) -> Head:
    size = len(weights)
    names = tuple(f"x{i}" for i in range(size))
    return Head("test", names, np.zeros(size), np.ones(size), np.array(weights), bias, 0.5, {"about": "a test"})


def test_the_fit_finds_the_weights_that_made_the_labels() -> None:
    source = np.random.default_rng(3)
    rows = source.normal(size=(20000, 3)) * [1.0, 5.0, 0.2] + [0.0, 2.0, 1.0]
    true = np.array([1.5, -0.4, 0.0])
    labels = (source.random(20000) < 1 / (1 + np.exp(-(rows @ true + 0.3)))).astype(float)
    mean, scale, weights, bias = fit(rows, labels, l2=1e-6)
    assert np.allclose(weights / scale, true, atol=0.15)
    assert abs(bias - weights @ (mean / scale) - 0.3) < 0.1


def test_a_penalty_shrinks_and_separable_data_end() -> None:
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    strong, weak = fit(rows, labels, l2=100.0)[2], fit(rows, labels, l2=0.1)[2]
    assert 0 < strong[0] < weak[0] < 50


def test_a_head_is_moved_by_many_rows_and_hardly_by_few() -> None:
    source = np.random.default_rng(3)
    rows = source.normal(size=(4000, 2))
    labels = (rows[:, 1] > 0).astype(float)
    given = head([2.0, 0.0])
    few, many = (refit(given, rows[:count], labels[:count], l2=10.0)[0] for count in (4, 4000))
    assert abs(few[0] - 2.0) < 0.5 > abs(few[1])
    assert many[1] > 10 * abs(many[0])


def test_a_column_without_spread_is_harmless() -> None:
    rows = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    _, scale, weights, _ = fit(rows, np.array([0.0, 0.0, 1.0, 1.0]))
    assert scale[0] == 1.0
    assert np.isfinite(weights).all()


def test_probabilities() -> None:
    made = head([2.0, 0.0], -1.0)
    assert made.probability(np.array([0.5, 9.0])) == pytest.approx(0.5)
    assert made.probability(np.array([1e6, 0.0])) == pytest.approx(1.0)


def test_a_file_says_what_was_saved(tmp_path: Path) -> None:
    made = head([0.123456789, -3.0], 0.25)
    made.save(tmp_path / "head.json")
    read = Head.load(tmp_path / "head.json")
    assert read.inputs == made.inputs
    assert read.card == {"about": "a test"}
    assert read.probability(np.array([1.0, 1.0])) == pytest.approx(made.probability(np.array([1.0, 1.0])), abs=1e-5)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"name": 1'])
def test_a_file_that_is_no_head_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(ConfigError, match=r"bad\.json"):
        Head.load(tmp_path / "bad.json")


def test_the_numbers_must_match_the_inputs(tmp_path: Path) -> None:
    made = head([1.0, 2.0])
    made.save(tmp_path / "head.json")
    text = (tmp_path / "head.json").read_text().replace('"x1"', '"x1", "x2"')
    (tmp_path / "head.json").write_text(text)
    with pytest.raises(ConfigError, match="do not match"):
        Head.load(tmp_path / "head.json")


def test_the_shipped_head_is_there_with_its_card() -> None:
    made = Head.shipped("difficulty")
    assert len(made.inputs) == 399
    assert 0 < made.threshold < 1
    assert made.card["held_out_families"]
