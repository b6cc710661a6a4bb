"""Training from scores: what can be learnt is, the target is kept on requests that were not seen, chance is beaten."""

from dataclasses import replace

import numpy as np
import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.gateway.routing.difficulty import INPUTS
from pilothouse.gateway.routing.training import Pair, report, split, train


def made(count: int, seed: int = 1) -> tuple[list[Pair], np.ndarray]:
    """Pairs whose simple model fails where the first input is high."""
    source = np.random.default_rng(seed)
    rows = source.normal(size=(count, len(INPUTS)))
    rows[:, 5:] *= 0.1
    hard = source.random(count) < 1 / (1 + np.exp(-4 * rows[:, 0]))
    pairs = [
        Pair(f"request {i}", 0.2 if bad else 0.95, 0.95, 0.001, 0.02, group=f"user {i}") for i, bad in enumerate(hard)
    ]
    return pairs, rows


def test_a_head_keeps_its_target_on_held_out_requests_and_beats_chance() -> None:
    pairs, rows = made(3000)
    head, held_out = train(pairs, rows, target=0.95)
    assert head.threshold > 0
    assert held_out["quality_kept"] > 0.93
    assert held_out["to_simple"] > 0.3
    assert held_out["quality_kept"] > held_out["quality_kept_by_chance"] + 0.05
    assert held_out["cost_saved"] == pytest.approx(held_out["to_simple"] * 0.95, abs=1e-9)


def test_where_nothing_can_be_learnt_nothing_is_sent_to_the_simple_model() -> None:
    pairs, rows = made(600)
    rows = np.random.default_rng(9).normal(size=rows.shape)
    head, held_out = train(pairs, rows, target=0.99)
    assert held_out["to_simple"] < 0.1
    assert held_out["quality_kept"] > 0.97
    assert head.card["target"] == 0.99


def test_what_belongs_together_stays_in_one_split() -> None:
    pairs = [Pair(f"text {i}", 1, 1, group=f"g{i % 40}") for i in range(400)]
    parts = split(pairs)
    assert sum(map(len, parts)) == 400
    groups = [{pairs[i].group for i in part} for part in parts]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]
    assert not groups[0] & groups[2]


def test_an_unknown_cost_leaves_the_saving_unknown() -> None:
    pairs = [Pair("a", 1.0, 1.0, None, 0.1), Pair("b", 0.0, 1.0, 0.1, 0.1)]
    said = report(pairs, np.array([0.1, 0.9]), 0.5)
    assert said["cost_saved"] is None
    assert said["quality_kept"] == 1.0
    assert said["worse_than_complex"] == 0.0


def test_too_few_pairs_are_refused() -> None:
    pairs, rows = made(20)
    with pytest.raises(InvalidRequest, match="60"):
        train(pairs, rows, target=0.9)


def test_pairs_of_too_few_groups_are_refused_with_the_parts_that_they_leave() -> None:
    pairs, rows = made(100)
    together = [replace(pair, group="one session") for pair in pairs]
    with pytest.raises(InvalidRequest, match=r"100 pairs of 1 groups .* that leaves (100, 0, 0|0, 100, 0|0, 0, 100) "):
        train(together, rows, target=0.9)
