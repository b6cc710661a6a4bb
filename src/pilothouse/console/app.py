"""The console as one application: who gets in, the headers of every answer, errors as pages. The pages are in `pages/`.

A session is a cookie for this folder alone (HttpOnly, SameSite=Strict); what is in it is up to the ConsoleAuth.
"""

import logging
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, quote, urlsplit

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.console.pages import traces as traces_pages
from pilothouse.console.render import ROOT, Renderer
from pilothouse.errors import PilothouseError
from pilothouse.observe import Traces

__all__ = ["ConsoleAuth", "mount_console"]

COOKIE = "pilothouse_session"
_LARGEST_FORM = 4096
_STATIC = Path(__file__).parent / "static"
_OPEN = (f"{ROOT}/login", f"{ROOT}/static/")
_YEAR = 365 * 24 * 3600
_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
     b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)  # fmt: skip
_log = logging.getLogger(__name__)


class ConsoleAuth(Protocol):
    """Turns a key into a session, and knows a session again."""

    def session_for(self, key: str) -> str | None:
        """The value of a cookie for whoever has this key; None where the key does not open the console."""
        ...

    def check(self, cookie: str) -> bool:
        """Whether `session_for` gave this value and it still holds. Compares in constant time."""
        ...


def mount_console(app: FastAPI, traces: Traces, auth: ConsoleAuth, project: str = DEFAULT_PROJECT) -> None:
    """Put the console of one project under `/console` of `app`; its bare address leads there."""
    app.mount(ROOT, _Headers(_console(traces, auth, project)))

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/", 303)


def _console(traces: Traces, auth: ConsoleAuth, project: str) -> FastAPI:
    renderer = Renderer(_STATIC)
    console = FastAPI(openapi_url=None, middleware=[Middleware(_SignedIn, auth=auth)], redirect_slashes=False)
    console.mount("/static", StaticFiles(directory=_STATIC))
    console.include_router(traces_pages.pages(traces, renderer, project))
    _add_session_pages(console, renderer, auth)

    def on_error(_: Request, error: Exception) -> Response:
        if isinstance(error, PilothouseError):
            return renderer.error(error.status, error.message)
        if isinstance(error, HTTPException):
            return renderer.error(error.status_code, "There is no such page." if error.status_code == 404 else "")
        _log.error("a console page failed", exc_info=error)
        return renderer.error(500, "Something went wrong in Pilothouse. The log says what.")

    for kind in (PilothouseError, HTTPException, Exception):
        console.add_exception_handler(kind, on_error)
    return console


def _add_session_pages(console: FastAPI, renderer: Renderer, auth: ConsoleAuth) -> None:
    @console.get("/")
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/traces", 303)

    @console.get("/login")
    def login_page(next: str = "") -> Response:
        return renderer.page("login.html", next=_own_page(next), failed=False)

    @console.post("/login")
    async def login(request: Request) -> Response:
        if not _from_here(request):
            return renderer.error(403, "This form was not sent by the console.")
        form = await _form(request)
        session = auth.session_for(form.get("key", "").strip())
        target = _own_page(form.get("next", ""))
        if session is None:
            return renderer.page("login.html", 401, next=target, failed=True)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            COOKIE, session, path=ROOT, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return answer

    @console.post("/logout")
    def logout() -> Response:
        answer = RedirectResponse(f"{ROOT}/login", 303)
        answer.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="strict")
        return answer


def _own_page(target: str) -> str:
    """`target` where it is a page of the console, else the first page: a login leads nowhere else."""
    parts = urlsplit(target) if target.isascii() and target.isprintable() and "\\" not in target else urlsplit("")
    inside = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/") and "//" not in target
    return target if inside else f"{ROOT}/traces"


def _from_here(request: Request) -> bool:
    """Whether a form comes from a page of this server, as far as the browser says (Fetch Metadata, W3C)."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


async def _form(request: Request) -> dict[str, str]:
    """The fields of a small urlencoded form; empty when it is none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            return {}
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name: values[0] for name, values in fields.items()}


class _SignedIn:
    """Sends everyone without a session to the login page."""

    def __init__(self, app: ASGIApp, auth: ConsoleAuth) -> None:
        self._app = app
        self._auth = auth

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].startswith(_OPEN):
            request = Request(scope)
            if not self._auth.check(request.cookies.get(COOKIE, "")):
                wanted = f"{scope['path']}?{request.url.query}" if request.url.query else scope["path"]
                onward = RedirectResponse(f"{ROOT}/login?next={quote(wanted, safe='/')}", 303)
                return await onward(scope, receive, send)
        await self._app(scope, receive, send)


class _Headers:
    """Adds the headers that keep a page to itself; only files that carry their version may be cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        versioned = scope["type"] == "http" and scope["path"].startswith(_OPEN[1]) and b"v=" in scope["query_string"]
        cache = f"public, max-age={_YEAR}, immutable" if versioned else "no-store"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS, (b"cache-control", cache.encode())]
            await send(message)

        await self._app(scope, receive, send_with_headers)
