import numpy as np
import pytest

from pilothouse.lifecycle.sentinel.answers import Answer, Run, packed_vector, vector_of


def test_a_vector_comes_back_as_it_was_but_for_rounding() -> None:
    vector = np.random.default_rng(1).normal(size=384).astype(np.float32)
    vector /= np.linalg.norm(vector)
    back = vector_of(packed_vector(vector))
    assert float(back @ vector) == pytest.approx(1.0, abs=1e-3)
    assert float(np.linalg.norm(back)) == pytest.approx(1.0, abs=1e-5)


def test_answers_that_failed_are_none() -> None:
    run = Run(at_us=1, answers={"a": Answer(text="Yes."), "b": Answer(error="away")})
    assert list(run.answered) == ["a"]
