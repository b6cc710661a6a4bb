"""Experiments as pages show them: comparisons in words, differences over time, and designs as a form says them."""

import re

import pytest

from pilothouse.console.experimenting import chart_of, comparisons, design_of, fields_of_design
from pilothouse.console.forms import Fields
from pilothouse.errors import InvalidRequest
from pilothouse.lifecycle.experiments.looking import ArmSeen, Compared, Look, Role
from pilothouse.prompts.experiments.shape import Experiment, Guardrail

DAY = 86_400_000_000


def experiment(primary: str = "latency", **more: object) -> Experiment:
    given = {
        "id": "e", "project_id": "default", "name": "e", "target": {"model": "m"}, "primary": primary,
        "arms": [{"name": "a"}, {"name": "b", "model": "n"}], "guardrails": [{"metric": "cost", "worse_by": "10%"}],
    }  # fmt: skip
    return Experiment.model_validate(given | more)


def compared(metric: str, role: Role, *interval: float | None, beyond: tuple[float, float] | None = None) -> Compared:
    low, difference, high = interval or (None, None, None)
    return Compared(
        metric=metric, arm="b", role=role, control=0.002, value=0.003, units=[120, 130], low=low, high=high,
        difference=difference, beyond=beyond and beyond[0], beyond_low=beyond and beyond[1], ready=True,
    )  # fmt: skip


def look(at: int, *found: Compared) -> Look:
    return Look(at_us=at * DAY, arms=[ArmSeen(name="a", units=1, calls=1, share=1)], mismatch=1, compared=list(found))


@pytest.mark.parametrize(
    ("one", "verdict", "tone"),
    [
        (compared("latency", "primary", -0.3, -0.2, -0.1), "better", "ok"),
        (compared("latency", "primary", 0.1, 0.2, 0.3), "worse", "error"),
        (compared("latency", "primary", -0.1, 0.2, 0.3), "not told apart", ""),
        (compared("latency", "primary"), "too few units", ""),
        (compared("tokens", "metric", 1, 2, 3), "more", ""),
        (compared("cost", "guardrail", 1, 2, 3, beyond=(1, 0.5)), "broken", "error"),
        (compared("cost", "guardrail", -1, 2, 3, beyond=(1, -0.5)), "worse so far", ""),
        (compared("cost", "guardrail", -1, 0, 3, beyond=(-1, -2)), "holds", "ok"),
        (compared("cost", "guardrail"), "too few units", ""),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_what_can_be_told_of_a_comparison(one: Compared, verdict: str, tone: str) -> None:
    (told,) = comparisons(experiment(), look(1, one))
    assert (told.verdict, told.tone) == (verdict, tone)


def test_values_have_the_unit_of_their_metric_and_differences_a_sign() -> None:
    shown = comparisons(experiment(), look(1, compared("cost", "guardrail", -0.0005, 0.001, 0.0025)))[0]
    assert (shown.control, shown.value, shown.difference, shown.low) == (
        "$0.002000",
        "$0.003000",
        "+$0.001000",
        "−$0.000500",
    )
    assert shown.bar is not None
    assert (shown.bar.x, shown.bar.at) == (400, 700)
    seconds = comparisons(experiment(), look(1, compared("latency", "primary", -0.2, -0.1, 0.1)))[0]
    assert (seconds.difference, seconds.control) == ("−100 ms", "2.0 ms")


def test_a_chart_has_the_level_that_counts() -> None:
    looks = [look(day, compared("cost", "guardrail", -0.002 / day, 0.001, 0.003)) for day in (1, 2, 3)]
    chart = chart_of(experiment(), looks, "cost", "b")
    assert "allowed</text>" in chart
    assert "+$0.001000 (−$0.002000 to +$0.003000)" in chart
    assert chart_of(experiment(), looks, "cost", "other") == ""
    wanted = experiment("score:quality", minimum_effect=0.02)
    good = [look(1, compared("score:quality", "primary", 0.01, 0.03, 0.05))]
    assert "wanted</text>" in chart_of(wanted, good, "score:quality", "b")
    assert re.search("wanted</text>", chart_of(experiment("score:quality"), good, "score:quality", "b")) is None


def test_a_form_says_a_design() -> None:
    form = fields_of_design("a/b", "7").also(
        name="first", share="50", holdout="5%", minimum_effect="2%", metrics="latency, tokens", win="rollout",
        guardrails="errors 0.02\r\n\r\nscore:good or bad 5%\ncost",
    )  # fmt: skip
    design = design_of(form)
    assert design.about == "prompt:a/b#production"
    assert [(arm.name, arm.version, arm.weight) for arm in design.arms] == [("control", None, 1), ("new", 7, 1)]
    assert (design.share, design.holdout, design.minimum_effect, design.metrics) == (
        0.5,
        0.05,
        "2%",
        ["latency", "tokens"],
    )
    assert design.guardrails == [
        Guardrail(metric="errors", worse_by=0.02), Guardrail(metric="score:good or bad", worse_by="5%"),
        Guardrail(metric="cost"),
    ]  # fmt: skip
    assert (design.act.win, design.act.guardrail) == ("rollout", "rollback")
    model = design_of(form.also(prompt="", model="fast", arm_version=["", ""], arm_model=["", "careful"]))
    assert model.about == "model:fast"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "No Name"}, "name: "),
        ({"share": "half"}, "share: "),
        ({"arm_version": ["", "x"]}, "arms 2 version: "),
        ({"primary": "none"}, "primary: "),
        ({"guardrails": "errors twice"}, "worse by: "),
        ({"minimum_units": "1e99"}, "minimum units: "),
        ({"minimum_effect": "nan"}, "minimum effect: "),
        ({"arm_name": ["a"]}, "arms: "),
        ({"as": "json", "whole": "[" * 100_000}, "no JSON"),
        ({"as": "json", "whole": "[]"}, "form: "),
    ],
    ids=lambda given: "",
)
def test_what_is_wrong_with_a_form_is_told(changes: dict[str, str | list[str]], told: str) -> None:
    with pytest.raises(InvalidRequest, match=told):
        design_of(fields_of_design("p", "2").also(name="first").also(**changes))


def test_no_form_is_no_design() -> None:
    with pytest.raises(InvalidRequest):
        design_of(Fields())
