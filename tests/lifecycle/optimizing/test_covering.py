import numpy as np

from pilothouse.lifecycle.optimizing.covering import covering


def rows(*places: tuple[int, float]) -> np.ndarray:
    """Vectors near an axis each, turned off it by an angle."""
    made = np.zeros((len(places), 4), dtype=np.float32)
    for row, (axis, angle) in enumerate(places):
        made[row, axis], made[row, 3] = np.cos(angle), np.sin(angle)
    return made


def test_each_group_gets_one_and_the_largest_first() -> None:
    vectors = rows((0, 0.0), (0, 0.2), (0, 0.4), (1, -0.2), (1, -0.1))
    assert covering(vectors, 2) == [1, 3]
    assert covering(vectors, 9)[:2] == [1, 3]
    assert covering(vectors, 2, pool=[0, 4]) == [0, 4]
    assert covering(vectors, 1, weights=[1, 1, 1, 9, 9]) == [3]


def test_what_adds_nothing_is_left_out() -> None:
    assert covering(rows((0, 0.3), (0, 0.3), (0, 0.3)), 3) == [0]
    assert covering(rows((0, 0.3)), 0) == []
    assert covering(np.zeros((0, 2), dtype=np.float32), 3) == []
