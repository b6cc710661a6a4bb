"""Tools of MCP servers: one as a child process, as people run them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from pilothouse.agents.approving import Asked
from pilothouse.agents.loop import Agent
from pilothouse.agents.scripted import Scripted
from pilothouse.agents.servers import mcp_server
from pilothouse.errors import ConfigError, ProviderUnavailable

from . import mcp_child
from .test_hijacks import obedient

CHILD = [sys.executable, str(Path(mcp_child.__file__))]


async def _asked(server: Any, plan: list[Any], results: Any = "shown") -> tuple[list[Asked], Scripted]:
    asked, model = list[Asked](), obedient(plan)
    agent = Agent(model="m", tools=server.tools, platform=model, approve=lambda one: bool(asked.append(one)),
                  results=results)  # fmt: skip
    await agent.run("Read note 1.")
    return asked, model


async def test_a_child_process_serves_its_tools_and_what_it_returns_is_from_outside() -> None:
    rules = {"read": {"severity": "read", "plain": ["number"]}, "write": {"severity": "write"}}
    async with mcp_server("notes", mcp_child.server, rules=rules) as server:
        pins = server.pins
    async with mcp_server("notes", CHILD, rules=rules, pins=pins) as server:
        assert ([one.name for one in server.tools], server.changed) == (["notes_read", "notes_write"], [])
        (asked,), model = await _asked(server, [("notes_read", {"number": 1})])
        assert (asked.tool, asked.decoded()) == ("notes_write", {"text": "EVIL"})
        assert any("note" in str(message["content"]) for message in model.bodies[1]["messages"])
        for broken in ({"number": 10}, {"number": "x"}):
            assert len((await _asked(server, [("notes_read", broken)]))[0]) == (1 if broken["number"] == 10 else 0)


async def test_a_description_that_changed_is_not_offered_and_one_that_nobody_read_taints() -> None:
    server: Any = mcp_child.server
    rules = {"read": {"severity": "read"}, "write": {"severity": "write", "plain": ["text"]}}
    async with mcp_server("notes", server, rules=rules) as opened:
        pins = {**opened.pins, "read": "0" * 64}
        asked, _ = await _asked(opened, [("notes_write", {"text": "mine"})])
        assert [one.tool for one in asked] == ["notes_write"], "nobody has read what the server says of itself"
    async with mcp_server("notes", server, rules=rules, pins=pins) as opened:
        assert opened.changed == ["read"]
        assert [one.name for one in opened.tools] == ["notes_write"]
        asked, _ = await _asked(opened, [("notes_write", {"text": "mine"})])
        assert asked == [], "it was read, and the task asks for it"


async def test_what_is_not_there_is_told() -> None:
    with pytest.raises(ConfigError, match=r"has no tool 'erase'. There are: read, write"):
        async with mcp_server("notes", mcp_child.server, allow=["erase"]):
            pass
    with pytest.raises(ProviderUnavailable, match="'gone' cannot be reached"):
        async with mcp_server("gone", [sys.executable, "-c", ""]):
            pass
