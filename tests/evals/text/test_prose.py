from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.text.prose import Coherence, Readability

EASY = "The cat sat on the mat. It was warm. The dog ran to the cat."
HARD = (
    "Institutional considerations necessitate comprehensive organizational restructuring notwithstanding uncertainty."
)


def test_readability(judge: Any) -> None:
    easy, hard = (judge(Readability(passing=60, maximum_grade=8), text) for text in (EASY, HARD))
    assert (easy.passed, hard.passed) == (True, False)
    assert easy.score > 90 > 0 > hard.score
    assert "reading ease" in hard.explanation
    assert "is above 8" in hard.explanation
    assert easy.detail["sentences"] == 3
    assert judge(Readability(), EASY).passed is None
    assert judge(Readability(), "猫坐在垫子上。").status == "skipped"


def test_coherence(judge: Any) -> None:
    linked = judge(Coherence(passing=0.9), "The pump is old. Old pumps leak. A leak costs money.")
    assert (linked.score, linked.passed) == (1.0, True)
    loose = judge(Coherence(passing=0.5), "The pump is old. Paris has museums. Violins need rosin.")
    assert (loose.score, loose.passed) == (0.0, False)
    assert judge(Coherence(), "One sentence about pumps.").status == "skipped"


def test_repetition_is_no_coherence(judge: Any) -> None:
    verdict = judge(Coherence(), "The red pump leaks water again. " * 10)
    assert verdict.detail["linked"] == 1.0
    assert verdict.score < 0.2


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"readability\.maximum_grade"):
        Readability(maximum_grade=float("nan"))
    with pytest.raises(ConfigError, match=r"coherence\.passing"):
        Coherence(passing=2)
