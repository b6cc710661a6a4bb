"""Samples: the same again, even, failures first, and as far apart as can be."""

import numpy as np

from pilothouse.evals.datasets.sampling import at_random, diverse, failures_first, stratified

IDS = [f"t{i}" for i in range(200)]


def test_chance_is_the_same_again_and_barely_changes_with_more() -> None:
    sample = at_random(IDS, 20)
    assert at_random(IDS[::-1], 20) == sample != at_random(IDS, 20, seed=1)
    assert len({*sample} & {*at_random([*IDS, "new"], 20)}) >= 19
    assert sorted(at_random(IDS, 500)) == sorted(IDS)


def test_a_rare_stratum_is_not_left_out() -> None:
    strata = {one: "rare" if one in ("t1", "t2") else "usual" if i % 2 else "other" for i, one in enumerate(IDS)}
    chosen = stratified(strata, 10)
    assert {"t1", "t2"} <= {*chosen}
    assert sorted(strata[one] for one in chosen) == ["other"] * 4 + ["rare"] * 2 + ["usual"] * 4


def test_failures_come_first() -> None:
    failed = {"t3", "t9", "t100"}
    chosen = failures_first(IDS, failed, 5)
    assert {*chosen[:3]} == failed
    assert len({*chosen}) == 5
    assert {*failures_first(IDS, failed, 2)} < failed


def test_diverse_takes_one_of_each_heap_before_a_second() -> None:
    chance = np.random.default_rng(1)
    centres = np.eye(5, dtype=np.float32)
    vectors = {}
    for i, one in enumerate(IDS):
        vector = centres[0 if i > 4 else i] + chance.normal(scale=0.02, size=5).astype(np.float32)
        vectors[one] = vector / np.linalg.norm(vector)
    assert {int(np.argmax(vectors[one])) for one in diverse(vectors, 5)} == {0, 1, 2, 3, 4}
    whole = diverse(vectors, 500)
    assert sorted(whole) == sorted(IDS)
    assert diverse({}, 3) == []
