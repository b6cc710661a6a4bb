from typing import Any

import pytest

from pilothouse.errors import ConfigError
from pilothouse.evals.groundedness import GroundednessOffline
from pilothouse.evals.shapes import Models
from pilothouse.models import Encoder
from pilothouse.testing.record import new_call

CONTEXT = (
    "The pump holds twelve litres of water. It was built in Leeds in 1987.",
    "Close the red valve before the tank is drained. Wear gloves.",
)


class Direct:
    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder

    async def __call__(self, texts: Any) -> Any:
        return self.encoder.encode(texts)


@pytest.fixture
def models(encoder: Encoder) -> Models:
    return Models(make_call=new_call, encode=Direct(encoder))  # type: ignore[arg-type]


def test_what_the_context_says_and_what_it_does_not(judge: Any, models: Models) -> None:
    evaluator = GroundednessOffline(passing=0.6)
    held = judge(evaluator, "The pump was built in Leeds. It holds twelve litres.", context=CONTEXT, models=models)
    loose = judge(evaluator, "Napoleon was crowned emperor at Notre-Dame.", context=CONTEXT, models=models)
    assert (held.passed, loose.passed) == (True, False)
    assert held.score > 0.8
    assert loose.score < 0.3
    mixed = judge(
        evaluator, "The pump was built in Leeds. Napoleon was crowned in Paris.", context=CONTEXT, models=models
    )
    assert held.score > mixed.score > loose.score
    assert mixed.detail["least"]["sentence"] == "Napoleon was crowned in Paris."


def test_without_what_it_needs_it_is_skipped(judge: Any, models: Models) -> None:
    assert judge(GroundednessOffline(), "A.", context=CONTEXT).status == "skipped"
    assert judge(GroundednessOffline(), "A.", models=models).explanation == "The case has no context."
    assert judge(GroundednessOffline(), " ", context=CONTEXT, models=models).status == "skipped"
    assert judge(GroundednessOffline(), "A.", context=(" ",), models=models).status == "skipped"


def test_wrong_options() -> None:
    with pytest.raises(ConfigError, match=r"groundedness_offline\.passing"):
        GroundednessOffline(passing=7)
