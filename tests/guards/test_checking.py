import pytest

from pilothouse.guarding import Stage
from pilothouse.guards.checking import check
from pilothouse.protocols import Conversation
from tests.guards.conftest import MakePolicies


@pytest.mark.parametrize("stage", ["input", "output", "tool", "retrieval"])
@pytest.mark.parametrize(
    ("action", "text", "left"),
    [("redact", "Ask Acme.", "Ask [blocked]."), ("block", "Ask Acme.", ""), ("flag", "Acme", "Acme")],
)
async def test_a_text_is_checked_as_in_a_call(
    make: MakePolicies, stage: Stage, action: str, text: str, left: str
) -> None:  # fmt: skip
    use = {"use": "words", "words": ["acme"], "action": action}
    policy = make({"policies": {"p": {stage: [use, {"use": "length", "at_most": 100}]}}}).of(["p"])
    found = await check(policy.at(stage), text, stage, Conversation())
    assert (found.action, found.text) == (action, left)
    told = found.to_json()
    assert {one["guard"]: one["status"] for one in told["results"]} == {
        "words": "triggered", "length": "skipped" if (action, stage) == ("block", "output") else "passed",
    }  # fmt: skip
    assert (await check(policy.at(stage), "nobody", stage, Conversation())).action is None
