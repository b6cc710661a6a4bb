"""The FastAPI application that holds the management routes: who may call them, and errors in one shape."""

import re
from collections.abc import Sequence

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy.exc import DataError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilothouse import __version__
from pilothouse.access import Keys
from pilothouse.access.door import Door
from pilothouse.access.policy import demand
from pilothouse.api.observe.otlp import RETRY_AFTER, is_otlp, refusal
from pilothouse.api.pairs import bearer
from pilothouse.api.reference import CONTENT_POLICY, reference
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import BodyTooLarge, Forbidden, InvalidRequest, NotFound, PilothouseError
from pilothouse.gateway.http import error_headers
from pilothouse.principal import Action
from pilothouse.types import Json

__all__ = ["management", "needed"]

_OPEN = ("/api/docs", "/api/openapi.json")
_ADMINISTERED = frozenset(("keys", "members", "audit"))
_TENANTS = frozenset(("organisations", "projects", "teams"))
_INSTALLATION = frozenset(("config", "replay"))
_CALLERS = frozenset(("route", "spans", "scores", "feedback"))  # what applications send
_PUBLIC = "/api/public/"
_KEPT_PUBLIC = frozenset((
    "/api/public/v2/datasets", "/api/public/dataset-items", "/api/public/dataset-run-items", "/api/public/v2/prompts",
))  # fmt: skip
_SELF = ("/api/public/projects", "/api/public/health")  # by which a client finds out whether its key is right
_FRAGMENTS = frozenset(("/api/cache/fragments", "/api/cache/fragments/find"))  # what applications keep and look up
_SEARCH = re.compile(
    r"/api/rag/corpora/[^/]+/search|/api/prompts/(lint|(.+/)?render)"
)  # these read, although they are a POST
_QUEUES = re.compile(r"/api/reviews/queues(/[^/]+(/progress)?)?")
_REVIEW = re.compile(r"/api/reviews/queues/[^/]+/(next|undo|items/[^/]+/(vote|skip|correct))")
_APPROVALS = "/api/approvals"
_MCP = "/mcp/"
_RESOLVE = re.compile(r"/api/(prompts/.+/(resolved|render|versions/[^/]+)|public/v2/prompts/.+|approvals/[^/]+)")
_INGEST = re.compile(r"/api/rag/corpora/[^/]+/ingest")  # reads files of the machine that serves
_KINDS: dict[int, type[PilothouseError]] = {404: NotFound, 413: BodyTooLarge}


def management(
    routers: Sequence[APIRouter], keys: Keys, max_body_bytes: int, *, door: Door | None = None
) -> FastAPI:  # fmt: skip
    """`routers` under `/api`, for keys whose role allows what is asked: see `needed`.

    `door` says who gets in at all, by default whoever has a valid key. OpenAPI at `/api/openapi.json`, pages at
    `/api/docs`.
    """
    app = _Described(
        title="Pilothouse",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        middleware=[Middleware(_Admission, door=door or Door(keys), max_body_bytes=max_body_bytes)],
    )
    app.add_exception_handler(PilothouseError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(DataError, _on_data)
    app.add_exception_handler(UnicodeEncodeError, _on_half_a_character)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_error)
    for router in routers:
        app.router.routes.extend(router.routes)  # to include them, FastAPI analyses each route once more

    @app.get("/api/docs", include_in_schema=False)
    def show_reference() -> HTMLResponse:
        return HTMLResponse(reference(app.openapi()), headers={"content-security-policy": CONTENT_POLICY})

    return app


class _Described(FastAPI):
    """Says of each route that it takes a key. `_Admission` checks it."""

    def openapi(self) -> Json:
        document: Json = super().openapi()
        scheme = {"type": "http", "scheme": "bearer", "description": "A key with a role that allows it."}
        document.setdefault("components", {})["securitySchemes"] = {"HTTPBearer": scheme}
        for path in document["paths"].values():
            for operation in path.values():
                operation["security"] = [{"HTTPBearer": []}]
        return document


def needed(method: str, path: str) -> Action:
    """What a caller must be allowed to do for this request.

    Keys, members and the audit log are for administrators, and so are changing what tenants may do and spend, deleting
    traces, and an ingest, which reads whatever the server can read. A routing decision is for whoever may call, and so
    are sending spans and scores, and fragments. What a prompt is now, or became of a call that waits for approval, is
    for whoever may call or look. Voting on what is
    to be reviewed is for annotators, too, who else see review queues alone; of the rest, reading is for those who may
    look.
    """
    noun = _noun(path)
    reads = method in ("GET", "HEAD", "OPTIONS") or _SEARCH.fullmatch(path) is not None
    sent = path.startswith(_PUBLIC) and method == "POST" and path not in _KEPT_PUBLIC
    if is_otlp(path) or path in _SELF or sent:
        return "call"
    if noun in _ADMINISTERED or (noun in (*_TENANTS, "traces") and not reads) or _INGEST.fullmatch(path):
        return "administer"
    if (noun in _CALLERS and not (reads and noun != "route")) or path in _FRAGMENTS:
        return "call"
    if path.startswith(_MCP) or (path == _APPROVALS and not reads):
        return "call"
    if reads and _RESOLVE.fullmatch(path):
        return "resolve"
    if reads and _QUEUES.fullmatch(path):
        return "attend"
    if not reads and _REVIEW.fullmatch(path):
        return "review"
    return "read" if reads else "write"


def _demand_project(path: str) -> None:
    """Raises Forbidden where a path reaches what all projects share."""
    if _noun(path) in _INSTALLATION:
        raise Forbidden("The configuration is that of all projects: this needs a key of the project 'default'.")
    if _INGEST.fullmatch(path):
        raise Forbidden("Files of this machine are those of all projects: this needs a key of the project 'default'.")


def _noun(path: str) -> str:
    return path.removeprefix("/api/").partition("/")[0]


class _Admission:
    """Checks the key and bounds the body of what goes to `/api` and `/mcp`, and of OTLP, whose route bounds its body
    itself. FastAPI would read anybody's body, whole, first."""

    def __init__(self, app: ASGIApp, door: Door, max_body_bytes: int) -> None:
        self._app = app
        self._door = door
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        path = scope["path"]
        if (path.startswith(("/api/", _MCP)) and path not in _OPEN) or is_otlp(path):
            headers = Headers(scope=scope)
            try:
                await self._admit(scope, headers)
                length = headers.get("content-length", "")
                if length.isdecimal() and int(length) > self._limit:
                    raise BodyTooLarge(f"The request body has {length} bytes; the limit is {self._limit}.")
            except PilothouseError as error:
                told = refusal(error, headers.get("content-type")) if is_otlp(path) else _answer(error)
                return await told(scope, receive, send)
            receive = receive if is_otlp(path) else self._bounded(receive)
        await self._app(scope, receive, send)

    async def _admit(self, scope: Scope, headers: Headers) -> None:
        """Leave the caller where routes find it. Raises Unauthenticated or Forbidden."""
        peer = (scope.get("client") or ("", 0))[0]
        address = self._door.client_ip(peer, headers.get("x-forwarded-for"))
        authorization = headers.get("authorization")
        if is_otlp(scope["path"]) or scope["path"].startswith(_PUBLIC):
            authorization = bearer(authorization)
        principal = await self._door.admit(
            authorization, headers.get("x-api-key"), endpoint=scope["path"], client_ip=address
        )
        demand(principal, needed(scope["method"], scope["path"]))
        if not (principal.everywhere or principal.project_id == DEFAULT_PROJECT):
            _demand_project(scope["path"])
        scope.setdefault("state", {})["principal"] = principal

    def _bounded(self, receive: Receive) -> Receive:
        size = 0

        async def receive_bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._limit:
                raise HTTPException(413, f"the request body is larger than the limit of {self._limit} bytes")
            return message

        return receive_bounded


def _answer(error: PilothouseError, status: int | None = None) -> JSONResponse:
    message = error.message.encode("utf-8", "replace").decode()  # it may quote half a surrogate pair
    body = {"message": message, "type": error.type, "param": error.param, "code": error.code}
    headers = {name.decode(): value.decode() for name, value in error_headers(error)}
    if error.status == 503:
        headers.setdefault("retry-after", RETRY_AFTER)
    return JSONResponse({"error": body}, status or error.status, headers)


async def _on_error(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, PilothouseError):
        return _answer(error)
    return _answer(PilothouseError("Something went wrong in Pilothouse; the log says what."))


async def _on_data(_: Request, error: Exception) -> JSONResponse:
    """What a database cannot hold, such as NUL in a text or a number beyond 64 bits, is the caller's doing."""
    said = str(getattr(error, "orig", error)).strip().partition("\n")[0].rstrip(".")
    return _answer(InvalidRequest(f"The database cannot hold a value of this request: {said}."))


async def _on_half_a_character(request: Request, error: Exception) -> JSONResponse:
    """JSON's escapes can hold half of a surrogate pair; nothing that is kept can."""
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return _answer(InvalidRequest("A text of this request holds half of a surrogate pair, which is no character."))
    return await _on_error(request, error)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    kind = request.headers.get("content-type", "application/json")
    if "json" not in kind and any(isinstance(problem.get("input"), bytes) for problem in problems):
        return _answer(InvalidRequest(f"Bodies are JSON here: send content-type: application/json, not {kind}."))
    where = _field(problems[0]) if problems and problems[0]["type"] != "json_invalid" else ""
    text = "; ".join(map(_told, problems))
    return _answer(InvalidRequest(text or "The request is not valid.", param=where or None))


def _told(problem: Json) -> str:
    if problem["type"] == "json_invalid":
        return f"The request body is not valid JSON: {problem['ctx']['error']} (character {problem['loc'][-1]})."
    return f"{_field(problem) or 'the request body'}: {problem['msg']}"


def _field(problem: Json) -> str:
    return ".".join(str(step) for step in problem["loc"][1:])


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else str(error)
    kind = _KINDS.get(status, InvalidRequest if status < 500 else PilothouseError)
    answer = _answer(kind(f"{request.method} {request.url.path}: {detail}."), status)
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer
