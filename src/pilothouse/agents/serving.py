"""MCP servers of the configuration, offered to any client behind the keys, limits, guards, approvals and spans of the
platform. JSON-RPC as in https://modelcontextprotocol.io/specification/2025-06-18, without sessions.

What a client's model has read is not known here. So everything counts as from outside: a call goes ahead by itself only
where it reads, and its arguments may come from anywhere; all else waits for a person.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from pilothouse import __version__
from pilothouse.agents.approvals import Approvals
from pilothouse.agents.calling import Calling, Made, Rates
from pilothouse.agents.handles import Handles, as_text
from pilothouse.agents.labels import Label
from pilothouse.agents.people import Pause, a_second, by_people_here
from pilothouse.agents.servers import McpServer, mcp_server
from pilothouse.agents.steps import OnCall, Step
from pilothouse.agents.tools import Tool
from pilothouse.call import Call
from pilothouse.errors import Blocked, ConfigError, InvalidRequest, NotFound, PilothouseError
from pilothouse.gateway import Gateway
from pilothouse.guards.judging import judge
from pilothouse.guards.policy import Placed
from pilothouse.protocols import Conversation, Subject
from pilothouse.tooling import McpConfig
from pilothouse.types import Json

__all__ = ["McpGateway"]

_VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
_CLIENT = Label.untrusted("client")


class McpGateway:
    """`config` gives the servers that are configured now. They are opened when first asked for, and again when their
    configuration changed or they broke."""

    def __init__(
        self, gateway: Gateway, approvals: Approvals, config: Callable[[], Mapping[str, McpConfig]],
        pause: Pause = a_second,
    ) -> None:  # fmt: skip
        self._pause = pause
        self._gateway, self._approvals, self._config = gateway, approvals, config
        self._opened: dict[str, _Opened] = {}
        self._rates: dict[tuple[str, str], Rates] = {}

    async def answer(self, name: str, message: Any, call: Call) -> Json | None:
        """The answer to a message of a client; None for one that wants none. Raises NotFound for a server that is not
        there, Forbidden and TooManyRequests; what else goes wrong is told as JSON-RPC has it."""
        config = self._config().get(name)
        if config is None:
            raise NotFound(f"There is no MCP server '{name[:64]}'. There are: {', '.join(self._config()) or 'none'}.")
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return _fault(None, -32600, "A message is one JSON-RPC 2.0 object.")
        method, identifier, params = message.get("method"), message.get("id"), message.get("params") or {}
        if identifier is None or method is None:
            return None
        if not isinstance(params, dict):
            return _fault(identifier, -32602, "'params' must be an object.")
        if method == "initialize":
            wanted = params.get("protocolVersion")
            return _result(identifier, {
                "protocolVersion": wanted if wanted in _VERSIONS else _VERSIONS[0], "capabilities": {"tools": {}},
                "serverInfo": {"name": f"pilothouse/{name}", "version": __version__},
            })  # fmt: skip
        if method == "ping":
            return _result(identifier, {})
        if method not in ("tools/list", "tools/call"):
            return _fault(identifier, -32601, f"There is no method '{str(method)[:64]}' here.")
        async with self._gateway.counted(call):
            try:
                server = await self._server(name, config)
                if method == "tools/list":
                    return _result(identifier, {"tools": [_told(*one) for one in server.by_own_name.items()]})
                return _result(identifier, await self._called(name, config, server, params, call))
            except InvalidRequest as error:
                return _fault(identifier, -32602, error.message)
            except PilothouseError as error:
                return _fault(identifier, -32603, error.message)

    async def standing(self, name: str) -> list[Json]:
        """The tools of a server with all that it says of them, their pins, and whether they are offered: for whoever
        reads them and writes the pins down. Raises NotFound, ProviderUnavailable."""
        config = self._config().get(name)
        if config is None:
            raise NotFound(f"There is no MCP server '{name[:64]}'.")
        server = await self._server(name, config)
        return [
            {"name": one["name"], "pin": server.pins[one["name"]], "offered": one["name"] in server.by_own_name,
             "says": one}
            for one in server.listed
        ]  # fmt: skip

    async def aclose(self) -> None:
        """Close all servers."""
        while self._opened:
            await self._opened.popitem()[1].aclose()

    async def _server(self, name: str, config: McpConfig) -> McpServer:
        opened = self._opened.get(name)
        if opened is None or opened.config != config or opened.is_over:
            self._opened[name] = fresh = _Opened(name, config)
            if opened is not None:
                await opened.aclose()
            opened = fresh
        return await opened.server()

    async def _called(
        self, name: str, config: McpConfig, server: McpServer, params: Json, call: Call
    ) -> Json:  # fmt: skip
        tool = server.by_own_name.get(str(params.get("name")))
        if tool is None:
            there = ", ".join(server.by_own_name) or "none"
            raise InvalidRequest(f"There is no tool '{str(params.get('name'))[:64]}'. There are: {there}.")
        looking = _Looking(self._gateway, config, call)
        with OnCall(self._gateway.chat, call).begin(f"mcp {name}", "chain") as step:
            step.tell(mcp_server=name)
            try:
                arguments = await looking.seen(params.get("arguments") or {}, "assistant")
                made = await self._make(name, config, tool, arguments, call, step)
                if made.status not in ("done", "failed"):
                    return _content(made.told, failed=True)
                value = await looking.seen(made.value, "tool")
            except Blocked as error:
                return _content(error.message, failed=True)
            finally:
                step.tell(guards=looking.told)
        if made.status == "failed":
            return _content(as_text(value), failed=True)
        structured = {"structuredContent": value} if isinstance(value, dict) else {}
        return {**_content(as_text(value)), **structured}

    async def _make(
        self, name: str, config: McpConfig, tool: Tool, arguments: Any, call: Call, step: Step
    ) -> Made:  # fmt: skip
        principal = call.principal
        rates = self._rates.setdefault((name, principal.key_id), Rates())
        approve = by_people_here(self._approvals, call.project_id, principal, config.approval, pause=self._pause)
        calling = Calling(
            f"mcp:{name}", {tool.name: tool}, approve, config.approval + 5, "delimited", False, None, rates
        )
        asked = {"function": {"name": tool.name, "arguments": as_text(arguments)}}
        return await calling.make(asked, _CLIENT, Handles(), step)


class _Looking:
    """The guards of the stage `tool` that hold for a call."""

    def __init__(self, gateway: Gateway, config: McpConfig, call: Call) -> None:
        self.told: list[str] = []
        policy = gateway.runtime.guards.of(call.principal.policy.guards, config.guards)
        self._placed: tuple[Placed, ...] = policy.at("tool")
        self._conversation = Conversation(models=gateway.models(call))

    async def seen(self, value: Any, role: str) -> Any:
        """The value with what is to be redacted taken out of its texts. Raises Blocked."""
        if not self._placed:
            return value
        if isinstance(value, list):
            return [await self.seen(item, role) for item in value]
        if isinstance(value, dict):
            return {await self.seen(key, role): await self.seen(item, role) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        judgement = await judge(self._placed, Subject(value, "tool", role, self._conversation))
        self.told += [f"{one.result.guard}:{one.result.status}" for one in judgement.judged]
        if judgement.action == "block":
            assert judgement.gravest is not None
            guard, what = judgement.gravest.result.guard, "arguments" if role == "assistant" else "result"
            raise Blocked(f"The guard '{guard}' stopped the {what} of this call.", guard=guard)
        return judgement.text


class _Opened:
    """A server that is held open by a task of its own: what opens it must close it."""

    def __init__(self, name: str, config: McpConfig) -> None:
        self.config = config
        self._closing = asyncio.Event()
        self._ready: asyncio.Future[McpServer] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._hold(name))

    @property
    def is_over(self) -> bool:
        ready = self._ready
        return ready.done() and (self._task.done() or ready.exception() is not None or ready.result().broken)

    async def server(self) -> McpServer:
        """The open server. Raises what opening it raised."""
        return await asyncio.shield(self._ready)

    async def aclose(self) -> None:
        self._closing.set()
        await asyncio.wait([self._task])

    async def _hold(self, name: str) -> None:
        config = self.config
        rules = {own: one.model_dump(exclude={"pin"}) for own, one in config.tools.items()}
        pins = {own: one.pin for own, one in config.tools.items() if one.pin is not None}
        try:
            way = config.url or config.command
            async with mcp_server(name, way, rules=rules, pins=pins, env=config.env, seconds=config.timeout) as server:
                self._ready.set_result(server)
                await self._closing.wait()
        except PilothouseError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a server that ends badly is opened anew at the next call
            self._fail(ConfigError(f"The MCP server '{name}' broke: {type(error).__name__}."))

    def _fail(self, error: PilothouseError) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)


def _told(own: str, tool: Tool) -> Json:
    return {"name": own, "description": tool.description, "inputSchema": tool.parameters}


def _content(text: str, *, failed: bool = False) -> Json:
    return {"content": [{"type": "text", "text": text}], "isError": failed}


def _result(identifier: Any, result: Json) -> Json:
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def _fault(identifier: Any, code: int, message: str) -> Json:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": message}}
