"""`/mcp/{name}`: MCP servers of the configuration, for clients of that protocol; `/api/mcp`: what they say of their
tools, for whoever decides which are offered."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from pilothouse.agents.serving import McpGateway
from pilothouse.api.caller import Caller, InProject
from pilothouse.call import Call, Recorder
from pilothouse.errors import InvalidRequest, MethodNotAllowed
from pilothouse.types import Json, decode_body

__all__ = ["routes"]


def routes(servers: McpGateway, recorder: Recorder) -> APIRouter:
    """The routes over the servers that are configured."""
    router = APIRouter(tags=["mcp"])

    @router.post("/mcp/{name}", response_model=None)
    async def message(name: str, request: Request, caller: Caller) -> Response:
        """One message of a client: streamable HTTP without sessions, answered as JSON."""
        body: Any = None
        try:
            body = decode_body(await request.body())
        except InvalidRequest:
            fault = {"code": -32700, "message": "The message is no JSON object."}
            return JSONResponse({"jsonrpc": "2.0", "id": None, "error": fault}, 400)
        call = Call(
            recorder, caller, caller.project_id, key_id=caller.key_id, endpoint=f"/mcp/{name[:64]}",
            user_id=request.headers.get("x-pilothouse-user"),
        )  # fmt: skip
        told = await servers.answer(name, body, call)
        return Response(status_code=202) if told is None else JSONResponse(told)

    @router.api_route("/mcp/{name}", methods=["GET", "DELETE"], response_model=None, include_in_schema=False)
    async def no_stream(name: str, request: Request) -> Response:
        """There are no sessions and no streams of a server's own."""
        raise MethodNotAllowed(request.method, f"/mcp/{name[:64]}", ["POST"])

    @router.get("/api/mcp/{name}")
    async def standing(name: str, project: InProject) -> list[Json]:
        """What a server says of its tools, each with its `pin` and whether it is `offered`."""
        return await servers.standing(name)

    return router
