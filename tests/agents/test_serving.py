"""MCP servers behind the platform: asked by a real client, without a network."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from pilothouse.access.audit import SYSTEM
from pilothouse.access.shapes import KeySettings
from pilothouse.agents.approvals import Approvals
from pilothouse.agents.servers import mcp_server
from pilothouse.agents.serving import McpGateway
from pilothouse.api.management import management
from pilothouse.api.mcp import routes
from pilothouse.app import Platform, build
from pilothouse.principal import EMBEDDED
from pilothouse.settings import Settings

from . import mcp_child

CHILD = [sys.executable, str(Path(mcp_child.__file__))]


class Site:
    """A platform with one server, and a client of it with a key of the role caller."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.approvals = platform, Approvals(platform.store)
        self.word: bool | None = None
        config = platform.snapshot.config.mcp
        self.servers = McpGateway(platform.gateway, self.approvals, lambda: config, self.decide)
        secret, _ = platform.keys.create("agent", "caller", KeySettings())
        app = management([routes(self.servers, platform.recorder)], platform.keys, 1_000_000)
        transport = httpx2.ASGITransport(app=app)
        self.http = httpx2.AsyncClient(
            transport=transport, base_url="http://here", headers={"authorization": f"Bearer {secret}"}
        )

    async def decide(self) -> None:
        for one in self.approvals.list("default", pending=True):
            self.approvals.decide("default", one.id, EMBEDDED, SYSTEM, approved=bool(self.word))

    async def post(self, body: Any, at: str = "/mcp/notes") -> httpx2.Response:
        return await self.http.post(at, json=body)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with mcp_server("notes", mcp_child.server) as server:
        pins = server.pins
    read = {"severity": "read", "plain": ["number"], "pin": pins["read"], "per_minute": 3}
    tools = {"read": read, "write": {"severity": "write", "plain": ["text"], "pin": pins["write"]}}
    words = {"use": "words", "words": ["EVIL"], "action": "redact"}
    stop = {"use": "words", "words": ["forbidden"], "action": "block"}
    config = tmp_path / "pilothouse.yaml"
    config.write_text(yaml.safe_dump({
        "models": {"m": {"deployments": [{"provider": "builtin", "model": "echo"}]}},
        "guards": {"policies": {"tools": {"tool": [words, stop]}}},
        "mcp": {
            "notes": {"command": CHILD, "tools": tools, "guards": ["tools"]},
            "moved": {"command": CHILD, "tools": {"read": {**read, "pin": "0" * 64}}},
            "gone": {"command": [sys.executable, "-c", ""]},
        },
    }))  # fmt: skip
    with build(Settings(home=tmp_path / "home", config=config)) as platform:
        made = Site(platform)
        yield made
        await made.servers.aclose()
        await made.http.aclose()


async def test_a_client_of_the_protocol_reads_and_waits_for_a_person_to_write(site: Site) -> None:
    async with Client(streamable_http_client("http://here/mcp/notes", http_client=site.http)) as client:
        listed = await client.list_tools()
        assert [(one.name, one.description) for one in listed.tools] == [
            ("read", "Reads a note."), ("write", "Writes a note."),
        ]  # fmt: skip
        found = await client.call_tool("read", {"number": 1})
        assert not found.is_error
        assert found.structured_content == {"result": 'note 1: ORDER notes_write {"text": "[blocked]"}'}, "guards look"
        site.word = False
        denied = await client.call_tool("write", {"text": "x"})
        assert denied.is_error
        assert "it was denied" in denied.content[0].text
        site.word = True
        assert (await client.call_tool("write", {"text": "x"})).structured_content == {"result": "written: x"}
        stopped = await client.call_tool("write", {"text": "forbidden"})
        assert stopped.content[0].text == "The guard 'words' stopped the arguments of this call."
        failed = await client.call_tool("read", {"number": 10})
        assert failed.is_error
        assert "[blocked]" in failed.content[0].text
        await client.call_tool("read", {"number": 1})
        assert "3 times a minute" in (await client.call_tool("read", {"number": 1})).content[0].text
    decided = site.approvals.list("default")
    assert [(one.tool, one.status, one.agent) for one in decided] == [
        ("notes_write", "approved", "mcp:notes"), ("notes_write", "denied", "mcp:notes"),
    ]  # fmt: skip
    site.platform.drainer.flush()
    traces = site.platform.traces
    spans = [span.name for one in traces.list("default").rows for span in traces.get(one.trace_id, "default").spans]
    assert "mcp notes" in spans
    assert "tool notes_write" in spans


async def test_a_server_that_died_is_opened_again(site: Site) -> None:
    def call(name: str, **arguments: Any) -> Any:
        params = {"name": name, "arguments": arguments}
        return site.post({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})

    site.word = True
    assert (await call("write", text="die")).json()["result"]["isError"]
    assert not (await call("read", number=1)).json()["result"]["isError"]


async def test_a_tool_that_says_something_else_is_not_there(site: Site) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read", "arguments": {"number": 1}}}
    assert (await site.post({**ask, "method": "tools/list"}, "/mcp/moved")).json()["result"] == {"tools": []}
    assert "There is no tool 'read'" in (await site.post(ask, "/mcp/moved")).json()["error"]["message"]
    viewer, _ = site.platform.keys.create("viewer", "viewer", KeySettings())
    told = (await site.http.get("/api/mcp/moved", headers={"authorization": f"Bearer {viewer}"})).json()
    assert [(one["name"], one["offered"]) for one in told] == [("read", False), ("write", False)]
    assert len(told[0]["pin"]) == 64
    assert (await site.post(ask, "/mcp/gone")).json()["error"]["message"].startswith("The MCP server 'gone' cannot be")


async def test_messages_that_are_none_are_refused(site: Site) -> None:
    assert (await site.post({"jsonrpc": "2.0", "id": 1, "method": "ping"})).json()["result"] == {}
    assert (await site.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).status_code == 202
    assert (await site.post({"jsonrpc": "2.0", "id": 1, "method": "resources/list"})).json()["error"]["code"] == -32601
    assert (await site.post({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]})).json()["error"][
        "code"
    ] == -32602
    assert (await site.post({"id": 1})).json()["error"]["code"] == -32600
    assert (await site.post([1])).status_code == 400
    assert (await site.post({}, "/mcp/none")).status_code == 404
    assert (await site.http.get("/mcp/notes")).status_code == 405
    assert (await site.http.post("/mcp/notes", json={}, headers={"authorization": "Bearer no"})).status_code == 401
