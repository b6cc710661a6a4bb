"""What of prompts is looked at before a configuration serves."""

from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.lifecycle.prompting.sanity import prompt_concerns

SUITE: dict[str, Any] = {"dataset": "d", "evaluators": ["exact"]}
RULE: dict[str, Any] = {"prompts": "rag-*", "suite": SUITE}


@pytest.mark.parametrize(
    ("prompts", "told"),
    [
        ({"protected": [RULE, {"suite": SUITE}]}, []),
        (
            {"protected": [{**RULE, "suite": {**SUITE, "evaluators": ["exactt"]}}]},
            ["prompts.protected.0: suite.evaluators.0: No pilothouse.evaluators named 'exactt'"],
        ),
        ({"protected": [{**RULE, "model": "gone"}]}, ["prompts.protected.0.model: no model is called 'gone'"]),
        (
            {"protected": [{**RULE, "suite": {**SUITE, "judge": "gone"}}]},
            ["prompts.protected.0.suite: no model is called 'gone'"],
        ),
        ({"protected": [{"suite": SUITE}, RULE]}, ["prompts.protected.1: never holds: prompts.protected.0 fits all"]),
        ({"protected": [{"suite": SUITE}, {**RULE, "labels": ["production", "beta"]}]}, []),
        ({"watch": {"enabled": False, "rollback": True}}, ["prompts.watch.rollback: nothing goes back"]),
    ],
)
def test_what_can_hardly_be_meant(prompts: Any, told: list[str]) -> None:
    found = list(prompt_concerns(Config.model_validate({"prompts": prompts})))
    assert len(found) == len(told)
    for concern, words in zip(found, told, strict=True):
        assert f"{'.'.join(map(str, concern.place))}: {concern.text}".startswith(words)
