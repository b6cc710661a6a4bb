"""Rules of the configuration as plans."""

from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.lifecycle.prompting.protection import check_protected, plan_of, rule_for
from pilothouse.prompting import PromptsConfig, Protected

SUITE: dict[str, Any] = {"dataset": "d", "evaluators": ["exact", {"use": "length", "maximum": 10}]}


def test_the_first_rule_that_fits_holds() -> None:
    config = PromptsConfig.model_validate({
        "protected": [{"prompts": "rag-*", "approvals": 1}, {"labels": ["production", "beta"], "suite": SUITE}]
    })  # fmt: skip
    found = [rule_for(config, *one) for one in (("rag-a", "production"), ("a/b", "beta"), ("a", "staging"))]
    assert found == [*config.protected, None]


def test_a_plan_asks_the_version_and_differs_with_all_that_decides() -> None:
    rule = Protected(suite={**SUITE, "gates": ["exact < 0.5", "exact drop > 0.1"]})
    plan = plan_of(rule, "a" * 256, 3, model="m", first=True)
    assert plan.written.suite.task.asks == "m"
    assert plan.written.suite.task.prompt == f"{'a' * 256}@3"
    assert (plan.metric, plan.written.suite.gates) == ("exact", ["exact < 0.5"])
    other = rule.model_copy(update={"margin": 0.1})
    elsewhere = rule.model_copy(update={"labels": ["beta"], "approvals": 1})
    assert plan_of(other, "a", 1).hash != plan.hash == plan_of(elsewhere, "b", 2).hash


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"suite": {**SUITE, "evaluators": ["exactt"]}}, "prompts.protected.0.suite.evaluators.0"),
        (
            {"suite": SUITE, "metric": "quality"},
            "prompts.protected.0.metric: no evaluator of the suite is named 'quality'",
        ),
        ({"suite": {**SUITE, "baseline": "x"}}, "prompts.protected.0.suite.baseline: is not said here"),
        ({"suite": {"evaluators": ["exact"]}}, "prompts.protected.0.suite: name the cases as 'dataset'"),
        ({"suite": {**SUITE, "gates": ["other < 1"]}}, "prompts.protected.0.suite.gates.0: no evaluator"),
        ({"suite": {**SUITE, "trails": 2}}, "prompts.protected.0.suite.trails: unknown key"),
    ],
)
def test_what_cannot_be_run_is_told_with_its_place(rule: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check_protected(PromptsConfig.model_validate({"protected": [rule]}))
