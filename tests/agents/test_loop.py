"""The loop: steps, limits, spans, what fails and what is told of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pilothouse.agents.approving import Decision
from pilothouse.agents.loop import Agent
from pilothouse.agents.scripted import Scripted, calls, says
from pilothouse.agents.tools import Tool, tool
from pilothouse.errors import ConfigError, ProviderUnavailable, StorageError
from pilothouse.types import Json

Script = Callable[..., Scripted]


@tool(severity="read", trusted=True)
def add(a: int, b: int = 1) -> int:
    """Adds."""
    return a + b


@tool(severity="write", plain=("text",))
async def note(text: str) -> str:
    """Writes."""
    return f"noted {text}"


async def test_calls_are_made_and_told_until_there_is_an_answer(scripted: Script) -> None:
    model = scripted(calls(("add", {"a": 2}), ("note", {"text": "x"})), says("3"), cost_nano=2_000_000)
    agent = Agent(model="m", tools=[add, note], instructions="Be brief.", platform=model, params={"temperature": 0})
    outcome = await agent.run("2 + 1?")
    assert (outcome.text, outcome.ended, outcome.steps, outcome.cost_usd) == ("3", "answered", 2, 0.004)
    first, second = model.bodies
    assert first["temperature"] == 0
    assert [one["function"]["name"] for one in first["tools"]] == ["add", "note"]
    assert first["messages"][0]["content"].startswith("Be brief.\n\nText between <untrusted-")
    added, noted = second["messages"][-2:]
    assert (added["tool_call_id"], added["content"]) == ("c0", "3")
    assert noted["content"].startswith("Done.\n<untrusted-")
    spans = {span.name: span for span in model.spans}
    root = spans["agent agent"]
    assert (root.kind, spans["tool add"].kind, spans["tool add"].parent_id) == ("agent", "tool", root.id)
    assert root.attributes["ended"] == "answered"
    assert spans["tool note"].attributes["trust"] == "untrusted"
    assert spans["tool add"].attributes["origins"] == ["system", "user"]


async def test_what_a_model_gets_wrong_it_is_told(scripted: Script) -> None:
    wrong = calls(("add", {"a": "x"}), ("add", "{"), ("gone", {}), ("add", '["a"]'))
    wrong["tool_calls"] += ["nonsense", {"id": 7, "function": None}]
    model = scripted(wrong, says("sorry"))
    outcome = await Agent(model="m", tools=[add, note], allow=["add"], platform=model).run("Add.")
    told = [message["content"] for message in model.bodies[-1]["messages"] if message["role"] == "tool"]
    assert told[0] == 'The arguments are wrong: a: "x" is not of type "integer".'
    assert told[1] == "The arguments are no JSON."
    assert told[2] == "There is no tool 'gone'. There are: add."
    assert told[3].startswith("The arguments must be a JSON object")
    assert told[4:] == ["There is no tool 'None'. There are: add."] * 2
    assert not outcome.label.outside


async def test_a_tool_that_fails_fails_alone(scripted: Script) -> None:
    def breaks() -> None:
        raise ValueError("no \ud800 bread")

    model = scripted(calls(("breaks", {}), ("add", {"a": 1})), says("hm"))
    made = Tool(name="breaks", description="", severity="read", run=breaks)
    outcome = await Agent(model="m", tools=[made, add], platform=model, marking="delimited").run("Go.")
    told = [message["content"] for message in model.bodies[-1]["messages"] if message["role"] == "tool"]
    assert "ValueError: no ? bread" in told[0]
    assert told[1] == "2"
    (span,) = [span for span in model.spans if span.name == "tool breaks"]
    assert (span.status, span.error_code, span.attributes["call"]) == ("error", "ValueError", "failed")
    assert outcome.ended == "answered"


async def test_limits_end_a_run(scripted: Script) -> None:
    again = [calls(("add", {"a": 1}))] * 9
    steps = await Agent(model="m", tools=[add], platform=scripted(*again), max_steps=3).run("Go.")
    assert (steps.ended, steps.steps) == ("max_steps", 3)
    spent = await Agent(model="m", tools=[add], platform=scripted(*again, cost_nano=10**9), budget_usd=2.0).run("Go.")
    assert (spent.ended, spent.cost_usd) == ("budget", 2.0)
    unknown = await Agent(model="m", tools=[add], platform=scripted(*again, cost_nano=None), budget_usd=2.0).run("Go.")
    assert (unknown.ended, unknown.cost_usd, unknown.steps) == ("cost_unknown", None, 1)

    forever = Tool(name="forever", description="", severity="read", run=asyncio.Event().wait)
    late = await Agent(model="m", tools=[forever], platform=scripted(calls(("forever", {}))), seconds=0.05).run("Go.")
    assert late.ended == "timeout"


async def test_a_rate_holds_for_the_agent(scripted: Script) -> None:
    now = [0.0]
    once = Tool(name="once", description="", severity="read", trusted=True, run=lambda: "yes", per_minute=1)
    model = scripted(calls(("once", {}), ("once", {})), says("a"), calls(("once", {})), says("b"))
    agent = Agent(model="m", tools=[once], platform=model, clock=lambda: now[0])
    await agent.run("Go.")
    now[0] = 60.0
    await agent.run("Go.")
    told = [
        m["content"] for body in (model.bodies[1], model.bodies[3]) for m in body["messages"] if m["role"] == "tool"
    ]
    assert told == ["yes", "Not done: 'once' may be called 1 times a minute.", "yes"]


async def test_who_approves_is_asked_and_silence_is_no(scripted: Script) -> None:
    wipe = Tool(name="wipe", description="", severity="destructive", run=lambda: "gone")

    async def silent(asked: Any) -> bool:
        await asyncio.Event().wait()
        return True

    async def away(asked: Any) -> bool:
        raise StorageError("away")

    async def told(approve: Any) -> str:
        model = scripted(calls(("wipe", {})), says("ok"))
        await Agent(model="m", tools=[wipe], platform=model, approve=approve, approval_seconds=0.02).run("Wipe.")
        return str(model.bodies[1]["messages"][-1]["content"])

    assert "nobody is there to approve it" in await told(None)
    assert "nobody decided in time" in await told(silent)
    assert "nobody could be asked (storage_unavailable)" in await told(away)
    assert "Not done: too early." in await told(lambda asked: Decision(False, "ada", "too early"))
    assert "Done." in await told(lambda asked: Decision(True, "ada"))


async def test_steps_stream_and_stop_when_nobody_listens(scripted: Script) -> None:
    model = scripted(calls(("add", {"a": 1})), says("2"))
    agent = Agent(model="m", tools=[add], platform=model)
    seen = [moment async for moment in agent.stream("1 + 1?")]
    assert [(one.kind, one.tool, one.text) for one in seen[:3]] == [
        ("said", "", ""), ("called", "add", "2"), ("said", "", "2"),
    ]  # fmt: skip
    assert seen[3].outcome is not None
    assert seen[3].outcome.text == "2"

    began, ended = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    model = scripted(calls(("waits", {})))
    slow = Agent(model="m", tools=[Tool(name="waits", description="", run=waits, severity="read")], platform=model)
    stream = slow.stream("Go.")
    await anext(stream)
    await began.wait()
    await stream.aclose()
    assert ended.is_set()
    assert {span.status for span in model.spans} == {"cancelled"}


async def test_what_the_gateway_raises_ends_the_run() -> None:
    def fail(body: Json) -> Json:
        raise ProviderUnavailable("down")

    model = Scripted(fail)
    with pytest.raises(ProviderUnavailable):
        await Agent(model="m", platform=model).run("Go.")
    assert [span.error_code for span in model.spans] == ["provider_unavailable"]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({"allow": ["gone"]}, "there is no tool 'gone'"),
        ({"tools": [add, add]}, "Two tools are named 'add'"),
        ({"quarantine": "m"}, "whose results are held"),
        ({"results": "hidden"}, "shown or held"),
        ({"marking": "bold"}, "one of delimited"),
        ({"max_steps": 0}, "at least 1"),
        ({"tools": [Tool(name="look", description="", run=print)]}, "the agent's own"),
    ],
    ids=["allow", "twice", "quarantine", "results", "marking", "steps", "look"],
)
def test_a_wrong_agent_is_refused(about: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Agent(**{"model": "m", "tools": [add], **about})


async def test_an_agent_without_a_platform_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PILOTHOUSE_URL", raising=False)
    with pytest.raises(ConfigError, match="PILOTHOUSE_URL"):
        await Agent(model="m").run("Go.")


@pytest.mark.parametrize(
    "about", [{"model": "rag:docs"}, {"params": {"web_search_options": {}}}, {"reads_outside": True}]
)
async def test_a_model_that_reads_more_than_its_request_is_not_trusted(scripted: Script, about: Any) -> None:
    model = scripted(calls(("note", {"text": "x"})), says("ok"))
    await Agent(**{"model": "m", "tools": [note], "platform": model, **about}).run("Note x.")
    assert "nobody is there to approve it" in model.bodies[1]["messages"][-1]["content"]
