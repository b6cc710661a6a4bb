from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.scoring import EvalsConfig


def test_a_text_is_an_evaluator_or_a_prompt() -> None:
    given = {
        "online": {"r": {"evaluators": ["refusal", {"use": "regex", "pattern": "x"}]}},
    }
    config = EvalsConfig.model_validate(given)
    assert [(one.use, one.options) for one in config.online["r"].evaluators] == [
        ("refusal", {}), ("regex", {"pattern": "x"}),
    ]  # fmt: skip
    assert EvalsConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"online": {"r": {"evaluators": []}}}, "at least 1"),
        ({"online": {"r": {"evaluators": ["x"], "share": 2}}}, "less than or equal to 1"),
        ({"online": {"r": {"evaluators": ["x"], "when": {"model": ["m"]}}}}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EvalsConfig.model_validate(given)
