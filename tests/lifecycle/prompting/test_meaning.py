from typing import Any

import pytest

from pilothouse.config import Config
from pilothouse.lifecycle.prompting.meaning import changed_meaning, meanings_of

MODELS: dict[str, Any] = {
    "m": {"deployments": [{"provider": "one", "model": "small"}, {"provider": "two", "model": "large"}]},
    "judge": {"deployments": [{"provider": "two", "model": "large"}]},
    "both": {"strategy": "complexity", "simple": "m", "complex": "judge", "head": "head.npz"},
}
PROVIDERS: dict[str, Any] = {"one": {"kind": "openai", "base_url": "http://one/v1"}, "two": {"kind": "openai"}}
PLAN = {"suite": {"evaluators": ["exact", "helpfulness", {"use": "harmlessness", "model": "both"}], "judge": "judge"}}


def config(models: Any = MODELS, **providers: Any) -> Config:
    return Config.model_validate({"models": models, "providers": PROVIDERS | providers})


def test_what_does_not_change_an_answer_changes_no_meaning() -> None:
    known = meanings_of(config(), ["m", "one/small"], PLAN)
    assert [*known] == ["m", "one/small", "judge", "both"]
    turned = [{**one, "weight": 9, "timeout": 5} for one in reversed(MODELS["m"]["deployments"])]
    models = {**MODELS, "m": {"deployments": turned, "limits": {"requests_per_minute": 3}}}
    assert changed_meaning(config(models, one={**PROVIDERS["one"], "api_key": "other"}), known) is None


@pytest.mark.parametrize(("asked", "models", "providers", "told"), [
    ("m", {"m": MODELS["judge"]}, {}, "since: it was m (one/small, two/large), and is m (two/large)."),
    ("m", {"m": {**MODELS["m"], "output": {"cap": 9}}}, {}, "since, or is reached elsewhere."),
    ("one/small", {}, {"one": {"kind": "openai", "base_url": "http://other/v1"}}, "or is reached elsewhere."),
    ("both", {"judge": MODELS["m"]}, {}, "The model 'both' stands for something else in the configuration since"),
    ("x", {"judge": MODELS["m"]}, {}, "it was judge (two/large), and is judge (one/small, two/large)."),
])  # fmt: skip
def test_another_model_or_place_is_told(asked: str, models: Any, providers: Any, told: str) -> None:
    known = meanings_of(config(), [asked], PLAN)
    assert told in str(changed_meaning(config({**MODELS, **models}, **providers), known))
