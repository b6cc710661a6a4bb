from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.guards.facts.confidence import Confidence
from pilothouse.stats.calibrating import Isotonic

from .conftest import Ask

GOOD = "The pump was built in Leeds in 1987. It holds twelve litres of water."
BAD = "Napoleon was crowned emperor at Notre-Dame in Paris."


async def test_an_answer_that_the_passages_carry_is_likelier_good(answer: Ask) -> None:
    good, mixed, bad = [await Confidence().check(answer(text)) for text in (GOOD, f"{GOOD} {BAD}", BAD)]
    assert good.detail["signal"] > mixed.detail["signal"] > bad.detail["signal"]
    assert (good.status, bad.status) == ("passed", "triggered")
    assert good.detail["calibrated"] is False


async def test_a_calibration_says_what_a_signal_is_worth(answer: Ask) -> None:
    learnt = Isotonic.fit([0.1, 0.2, 0.3, 0.8, 0.9], [False, False, False, False, True])
    guard = Confidence(scores=learnt.at, chances=learnt.value, threshold=0.6)
    result = await guard.check(answer(GOOD))
    assert result.detail["calibrated"] is True
    assert result.detail["chance"] == pytest.approx(learnt.of(result.detail["signal"]), abs=1e-3)
    assert result.score == pytest.approx(1 - result.detail["chance"], abs=1e-3)
    assert (await guard.check(answer(BAD))).reason == "The chance that the answer is good is 0.00, below 0.6."


async def test_what_claims_nothing_has_not_been_looked_at(answer: Ask) -> None:
    assert (await Confidence().check(answer("Yes?"))).status == "skipped"
    assert (await Confidence().check(answer(GOOD, passages=()))).status == "skipped"
    assert (await Confidence().check(answer("The pump leaks oil. " * 201))).status == "failed"


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"threshold": 0}, "threshold"),
        ({"scores": (0.1,)}, "chances"),
        ({"scores": (0.2, 0.1), "chances": (0.1, 0.2)}, "scores"),
        ({"scores": (0.1, 0.2), "chances": (0.2, 0.1)}, "chances"),
        ({"scores": (0.1,), "chances": (1.1,)}, "chances"),
    ],
    ids=["threshold", "too few", "falling scores", "falling chances", "no chance"],
)
def test_wrong_options(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        Confidence(**options)
    assert wrong.value.param == f"confidence.{key}"
