"""Tools of MCP servers, as an agent has them: https://modelcontextprotocol.io (the `mcp` package, an extra).

What a server says of itself is text from outside. A tool whose name, description and schema are pinned by their hash
was read by whoever runs the agent; one that is not taints every run that is offered it; one that differs from its pin
is not offered. Its annotations (`readOnlyHint`) decide nothing.
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pilothouse.agents.labels import OURS, Label
from pilothouse.agents.tools import Tool
from pilothouse.errors import ConfigError, MissingExtra, ProviderUnavailable
from pilothouse.types import Json

__all__ = ["McpServer", "ToolFailed", "mcp_server", "pin_of"]

_NAME = re.compile(r"[^A-Za-z0-9_-]")
_MOST_PAGES = 100
_CLOSED = -32000
"""The code of the error that the package raises for all that waits when a connection ends."""


class ToolFailed(Exception):
    """An MCP server says that its tool failed; the message is the server's own."""


@dataclass(slots=True)
class McpServer:
    """An open server. `tools` are those that are offered, named `SERVER_TOOL`. `pins` are the hashes of all tools that
    it has now, by their own names, to be kept by whoever has read them; `changed` are the names whose pin differs.
    `listed` is what the server says of its tools, `by_own_name` has those that are offered by the server's names.
    `broken` says that the connection is gone: it must be opened anew."""

    name: str
    pins: dict[str, str] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    listed: list[Json] = field(default_factory=list)
    by_own_name: dict[str, Tool] = field(default_factory=dict)
    broken: bool = False

    @property
    def tools(self) -> list[Tool]:
        return [*self.by_own_name.values()]


@asynccontextmanager
async def mcp_server(
    name: str, server: str | Sequence[str] | Any, *, rules: Mapping[str, Mapping[str, Any]] | None = None,
    pins: Mapping[str, str] | None = None, allow: Sequence[str] | None = None, env: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> AsyncIterator[McpServer]:  # fmt: skip
    """Open a server for a block: the address of one that speaks streamable HTTP, or the command of a child process.

    `rules` say by a tool's own name what whoever runs the agent knows of it: fields of Tool, such as `severity`,
    `plain`, `trusted`, `per_minute`. Without them a tool is destructive, and all its arguments are sensitive. `allow`
    names the tools that are offered, all where left out; `env` is added to a child's environment, which is otherwise a
    bare one. `seconds` bound each call. Raises MissingExtra, ConfigError for rules of tools that are not there,
    ProviderUnavailable for a server that cannot be reached.
    """
    try:
        from mcp import Client, StdioServerParameters  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise MissingExtra("A server of MCP", "mcp") from None
    if isinstance(server, Sequence) and not isinstance(server, str):
        server = StdioServerParameters(command=server[0], args=[*server[1:]], env=None if env is None else dict(env))
    client = Client(server, read_timeout_seconds=seconds)
    try:
        await client.__aenter__()
        listed = await _listed(client)
    except Exception as error:
        raise ProviderUnavailable(f"The MCP server '{name}' cannot be reached: {type(error).__name__}.") from error
    try:
        yield _offered(name, client, listed, rules or {}, pins, allow)
    finally:
        await client.__aexit__(None, None, None)


def pin_of(listed: Json) -> str:
    """SHA-256 over all that a server says of a tool; `listed` is the JSON of it in `tools/list`."""
    told = {key: value for key, value in listed.items() if key != "_meta"}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


async def _listed(client: Any) -> list[Json]:
    found, cursor = [], None
    for _ in range(_MOST_PAGES):
        page = await client.list_tools(cursor=cursor)
        found += [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in page.tools]
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


def _offered(
    name: str, client: Any, listed: Sequence[Json], rules: Mapping[str, Mapping[str, Any]],
    pins: Mapping[str, str] | None, allow: Sequence[str] | None,
) -> McpServer:  # fmt: skip
    made = McpServer(name, pins={one["name"]: pin_of(one) for one in listed}, listed=[*listed])
    for known in {*rules, *(allow or ())} - made.pins.keys():
        there = ", ".join(made.pins) or "none"
        raise ConfigError(f"The MCP server '{name}' has no tool '{known}'. There are: {there}.", param=name)
    for one in listed:
        own = one["name"]
        if allow is not None and own not in allow:
            continue
        pinned = None if pins is None else pins.get(own)
        if pins is not None and pinned != made.pins[own]:
            made.changed.append(own)
            continue
        described = OURS if pinned else Label.untrusted(f"mcp:{name}")
        about: dict[str, Any] = {"severity": "destructive", "plain": (), **rules.get(own, {})}
        made.by_own_name[own] = Tool(
            name=_NAME.sub("_", f"{name}_{own}")[:64], description=one.get("description", ""),
            parameters=one["inputSchema"], run=_run(made, client, own), described=described, **about,
        )  # fmt: skip
    return made


def _run(server: McpServer, client: Any, own: str) -> Any:
    async def run(**arguments: Any) -> Any:
        try:
            result = await client.call_tool(own, arguments)
        except Exception as error:
            server.broken = getattr(error, "code", _CLOSED) == _CLOSED
            raise
        texts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
        if result.is_error:
            raise ToolFailed("\n".join(texts))
        return "\n".join(texts) if result.structured_content is None else result.structured_content

    return run
