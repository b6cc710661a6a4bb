from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.scoring import EvalsConfig

ASKS: dict[str, Any] = {"models": ["m"], "prompts": ["Who?"]}


def test_a_text_is_an_evaluator_or_a_prompt() -> None:
    given = {
        "online": {"r": {"evaluators": ["refusal", {"use": "regex", "pattern": "x"}]}},
        "sentinel": {**ASKS, "prompts": ["Who?", {"text": "When?", "expected": "1890"}]},
    }
    config = EvalsConfig.model_validate(given)
    assert [(one.use, one.options) for one in config.online["r"].evaluators] == [
        ("refusal", {}), ("regex", {"pattern": "x"}),
    ]  # fmt: skip
    assert config.sentinel is not None
    assert [one.text for one in config.sentinel.prompts] == ["Who?", "When?"]
    assert EvalsConfig.model_validate(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"online": {"r": {"evaluators": []}}}, "at least 1"),
        ({"online": {"r": {"evaluators": ["x"], "share": 2}}}, "less than or equal to 1"),
        ({"online": {"r": {"evaluators": ["x"], "when": {"model": ["m"]}}}}, "Extra inputs"),
        ({"sentinel": {"models": ["m"]}}, "needs 'prompts' or a 'dataset'"),
        ({"sentinel": {**ASKS, "dataset": "d"}}, "one of them"),
        ({"sentinel": {**ASKS, "watch": ["mood"]}}, "'mood' is nothing to watch"),
        ({"sentinel": {**ASKS, "watch": []}}, "something to 'watch'"),
        ({"sentinel": {**ASKS, "baseline": 2}}, "greater than or equal to 8"),
    ],
)
def test_what_cannot_be_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EvalsConfig.model_validate(given)
