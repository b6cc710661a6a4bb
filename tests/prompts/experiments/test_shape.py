"""Tests of what an experiment may say, and of what it says when it is wrong."""

from typing import Any

import pytest
from pydantic import ValidationError

from pilothouse.prompts.experiments.shape import Design, Experiment, Margin, Outcome, lower_is_better

DESIGN: dict[str, Any] = {
    "name": "shorter",
    "target": {"prompt": "rag/answer", "label": "production"},
    "arms": [{"name": "control", "weight": 90}, {"name": "v3", "version": 3, "weight": 10}],
    "primary": "score:quality",
    "guardrails": [{"metric": "cost", "worse_by": "10%"}],
    "metrics": ["latency", "score:quality", "latency"],
}
MODELS: dict[str, Any] = {
    **DESIGN, "target": {"model": "fast"}, "arms": [{"name": "control"}, {"name": "b", "model": "faster"}]
}  # fmt: skip


def test_what_a_design_says() -> None:
    design = Design(**DESIGN)
    assert design.about == "prompt:rag/answer#production"
    assert design.measured == ["score:quality", "cost", "latency"]
    assert not design.lower
    assert design.guardrails[0].lower
    assert Design(**MODELS).about == "model:fast"


def test_directions_are_those_of_the_metric_unless_said() -> None:
    assert lower_is_better("cost")
    assert not lower_is_better("score:x")
    assert lower_is_better("score:toxicity", "lower")
    assert not lower_is_better("tokens", "higher")


@pytest.mark.parametrize(
    ("given", "amount", "relative"), [(0.02, 0.02, False), ("5%", 0.05, True), (" 2.5 % ", 0.025, True)]
)
def test_margins_are_amounts_or_shares(given: float | str, amount: float, relative: bool) -> None:
    assert Margin.of(given) == Margin(amount, relative)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"primary": "clicks"}, "there is no metric 'clicks'"),
        ({"primary": "score:\ud800"}, "valid string"),
        ({"name": "a b"}, "String should match"),
        ({"arms": [{"name": "control"}]}, "at least 2"),
        ({"arms": [{"name": "a"}, {"name": "a", "version": 2}]}, "two are called 'a'"),
        ({"arms": [{"name": "a"}, {"name": "b"}]}, "arm 'b': say what it is, a `model` or a `version`"),
        ({"arms": [{"name": "a"}, {"name": "b", "version": 2, "weight": 0}]}, "greater than or equal to 0.001"),
        ({"arms": [{"name": "a"}, {"name": "b", "version": 2, "weight": float("nan")}]}, "finite number"),
        ({"target": {"model": "fast"}}, "a `version` is one of a prompt"),
        ({"share": 1e-9}, "greater than or equal to 0.0001"),
        ({"share": 0.9, "holdout": 0.2}, "more than the whole layer"),
        ({"guardrails": [{"metric": "cost", "worse_by": "much"}]}, "'much' is no margin"),
        ({"guardrails": [{"metric": "cost", "worse_by": -1}]}, "a margin is 0 or more"),
        ({"guardrails": [{"metric": "cost"}, {"metric": "cost"}]}, "'cost' is there twice"),
        ({"minimum_effect": "9" * 30 + "%"}, "a margin is 0 or more"),
        ({"alpha": 0.5}, "less than or equal to 0.2"),
        ({"wieght": 3}, "Extra inputs are not permitted"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_wrong_design_says_what_is_wrong(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Design(**{**DESIGN, **change})


def test_a_decided_experiment_serves_its_winner_where_no_label_can_move() -> None:
    outcome = Outcome(kind="won", arm="b", reason="better", action="rollout")
    state: dict[str, Any] = {"id": "e1", "project_id": "p", "status": "decided", "outcome": outcome}
    assert Experiment(**MODELS, **state).serving
    assert not Experiment(**MODELS, **{**state, "outcome": outcome.model_copy(update={"action": ""})}).serving
    of_label = outcome.model_copy(update={"arm": "v3"})
    assert not Experiment(**DESIGN, **{**state, "outcome": of_label}).serving
    assert not Experiment(**MODELS, **{**state, "status": "stopped"}).serving


@pytest.mark.parametrize(
    "change",
    [
        *({name: True} for name in ("share", "holdout", "alpha", "minimum_units", "max_days", "minimum_effect")),
        {"arms": [{"name": "control"}, {"name": "v1", "version": True}]},
        {"arms": [{"name": "control", "weight": True}, {"name": "v3", "version": 3}]},
        {"guardrails": [{"metric": "cost", "worse_by": False}]},
    ],
)
def test_true_is_no_number(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"must be a number, not (true|false)"):
        Design.model_validate({**DESIGN, **change})
