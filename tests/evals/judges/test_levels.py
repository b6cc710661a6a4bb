"""A score by the probabilities of its levels."""

import math
from typing import Any

import pytest

from pilothouse.evals.judges.levels import expected_level, level_probabilities


def token(text: str, **alternatives: float) -> dict[str, Any]:
    """A token; `alternatives` are probabilities of levels, as `_4=0.5`, with `__4` for a level after a blank."""
    top = [
        {"token": name.replace("__", " ").replace("_", ""), "logprob": math.log(share)}
        for name, share in alternatives.items()
    ]
    return {"token": text, "logprob": 0.0, "top_logprobs": top}


def test_the_mean_level_weighs_each_by_its_probability() -> None:
    tokens = [token('{"'), token("score"), token('":'), token(" 4", _4=0.3, __4=0.2, _5=0.25, _3=0.05), token("}")]
    found = level_probabilities(tokens, "score", 1, 5)
    assert found == pytest.approx({1: 0, 2: 0, 3: 0.0625, 4: 0.625, 5: 0.3125})
    assert found is not None
    assert expected_level(found) == pytest.approx(3 * 0.0625 + 4 * 0.625 + 5 * 0.3125)


@pytest.mark.parametrize("pieces", [['{"score": ', "4", "}"], ['{"score":', " 4", "}"], ['{"score": "', "4", '"}']])
def test_the_token_is_found_however_the_text_is_cut(pieces: list[str]) -> None:
    tokens = [token(piece, _4=0.9, _1=0.1) for piece in pieces]
    assert level_probabilities(tokens, "score", 1, 5) == pytest.approx({1: 0.1, 2: 0, 3: 0, 4: 0.9, 5: 0})


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [token('{"rating": '), token("4", _4=1.0)],
        [token('{"score": '), token("4")],
        [token('{"score": ')],
        [token('{"score": '), token("4", _4=0.4, x=0.6)],
        [token('{"score": '), token("4", _4=1.0), token(', "score": '), token("5", _5=1.0)],
        [{"token": 7}, token("4", _4=1.0)],
        [token('{"score": '), {"token": "4", "top_logprobs": [{"token": "4", "logprob": float("nan")}, 7, {}]}],
        [token('{"score": '), {"token": "4", "top_logprobs": [{"token": "4", "logprob": -9999.0}]}],
        [token('{"score": '), token("4", _44=0.9, _9=0.1)],
    ],
    ids=range(10),
)  # fmt: skip
def test_what_does_not_tell_is_nothing(tokens: list[Any]) -> None:
    assert level_probabilities(tokens, "score", 1, 5) is None


def test_levels_have_one_digit() -> None:
    tokens = [token('{"score": '), token("4", _4=1.0)]
    assert level_probabilities(tokens, "score", 1, 10) is None
    assert level_probabilities(tokens, "score", 0, 9) is not None


def test_an_explanation_may_quote_the_field() -> None:
    tokens = [token('{"explanation": "it says \\"score\\": 5", "score": '), token("4", _4=1.0), token("}")]
    assert level_probabilities(tokens, "score", 1, 5) == pytest.approx({1: 0, 2: 0, 3: 0, 4: 1, 5: 0})
