import pytest

from pilothouse.agents.loop import Agent
from pilothouse.agents.scripted import Scripted, calls, says


async def test_a_script_answers_in_order_and_keeps_what_was_asked() -> None:
    script = Scripted([says("one"), says("two")], cost_nano=5)
    agent = Agent(model="m", platform=script)
    assert [(await agent.run("a")).text, (await agent.run("b")).text] == ["one", "two"]
    assert [body["messages"][-1]["content"] for body in script.bodies] == ["a", "b"]
    assert [span.name for span in script.spans] == ["agent agent"] * 2
    with pytest.raises(IndexError):
        await agent.run("c")


def test_arguments_are_written_as_a_model_writes_them() -> None:
    (first, second) = calls(("a", {"x": 1}), ("b", "{"))["tool_calls"]
    assert (first["function"]["arguments"], second["function"]["arguments"]) == ('{"x": 1}', "{")
