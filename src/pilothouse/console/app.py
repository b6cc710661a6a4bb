"""The console as one application: who gets in, the headers of every answer, errors as pages. The pages are in `pages/`.

A session is a cookie for this folder alone (HttpOnly, SameSite=Strict); what is in it is up to the ConsoleAuth.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pilothouse.call import DEFAULT_PROJECT
from pilothouse.console.forms import UNSTORABLE, Fields, read_fields
from pilothouse.console.pages import (
    alerts,
    approvals,
    audit,
    budgets,
    cache,
    config,
    dashboards,
    datasets,
    evals,
    experiments,
    guards,
    keys,
    models,
    prompts,
    retention,
    reviews,
    teams,
)  # fmt: skip
from pilothouse.console.pages import sessions as sessions_pages
from pilothouse.console.pages import trace as trace_pages
from pilothouse.console.pages import traces as traces_pages
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import COOKIE, Visitor, visitor_of
from pilothouse.errors import AccessError, InvalidRequest, PilothouseError
from pilothouse.observe import Prices, Traces
from pilothouse.principal import Principal

__all__ = ["Begun", "ConsoleAuth", "ConsoleSignIn", "mount_console"]

SIGN_IN_COOKIE = "pilothouse_sign_in"
_SIGN_IN_SECONDS = 600
_LONGEST_TARGET = 1000  # a cookie holds 4 KB
_LARGEST_FORM = 4096
_STATIC = Path(__file__).parent / "static"
_OPEN = (f"{ROOT}/login", f"{ROOT}/static/")
_LOGOUT = f"{ROOT}/logout"
_REVIEWS = f"{ROOT}/reviews"
_YEAR = 365 * 24 * 3600
_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
     b"frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
)  # fmt: skip
_PAGES: dict[str, Callable[[ConsoleRooms, Renderer, str], APIRouter]] = {
    "dashboards": dashboards.pages, "alerts": alerts.pages, "approvals": approvals.pages, "prompts": prompts.pages,
    "experiments": experiments.pages, "evals": evals.pages,
    "datasets": datasets.pages, "reviews": reviews.pages, "models": models.pages, "cache": cache.pages,
    "guards": guards.pages,
    "keys": keys.pages, "teams": teams.pages, "budgets": budgets.pages, "config": config.pages,
    "retention": retention.pages, "audit": audit.pages,
}  # fmt: skip
_log = logging.getLogger(__name__)


class ConsoleAuth(Protocol):
    """Turns a key into a session, and knows a session again."""

    def session_for(self, key: str) -> str | None:
        """The value of a cookie for whoever has this key; None where the key does not open the console."""
        ...

    def check(self, cookie: str) -> Principal | None:
        """Whom this value stands for, if it was given here and still holds. Compares in constant time."""
        ...


class Begun(Protocol):
    """A sign-in that has begun: where to send the browser, and the cookie that it must bring back."""

    @property
    def url(self) -> str: ...

    @property
    def cookie(self) -> str: ...


class ConsoleSignIn(Protocol):
    """Lets people in through another server, which sends them back to `/console/login/callback`."""

    async def begin(self, target: str) -> Begun: ...

    async def finish(self, cookie: str, answer: Mapping[str, str]) -> tuple[str, str]:
        """The value of a session's cookie, and the page to go on to. Raises AccessError with what to tell."""
        ...


def mount_console(
    app: FastAPI,
    traces: Traces,
    auth: ConsoleAuth,
    project: str = DEFAULT_PROJECT,
    *,
    rooms: ConsoleRooms | None = None,
    sign_in: ConsoleSignIn | None = None,
    secure: bool = False,
) -> None:
    """Put the console of one project under `/console` of `app`; its bare address leads there.

    Without `rooms` it shows traces alone. The configuration is that of all projects: the default project's console
    shows it.

    `secure` says that browsers come by https although this server does not know (a proxy ends TLS).
    """
    nouns = {n: p for n, p in _PAGES.items() if rooms and (n != "config" or project == DEFAULT_PROJECT)}
    if rooms is None:
        renderer = Renderer(_STATIC)
    else:
        renderer = Renderer(_STATIC, lambda: rooms.live.problem, ("traces", *nouns), rooms.trouble)
    console = _console(traces, auth, project, renderer, None if rooms is None else rooms.prices)
    if rooms is not None:
        for pages in nouns.values():
            console.router.routes.extend(pages(rooms, renderer, project).routes)
    _add_session_pages(console, renderer, auth, provider=sign_in is not None, secure=secure)
    if sign_in is not None:
        _add_sign_in(console, renderer, sign_in, secure)
    app.mount(ROOT, _Headers(console))

    @app.get("/", include_in_schema=False)
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/", 303)


def _console(
    traces: Traces, auth: ConsoleAuth, project: str, renderer: Renderer, prices: Prices | None
) -> FastAPI:  # fmt: skip
    guard = Middleware(_SignedIn, auth=auth, renderer=renderer)
    console = FastAPI(openapi_url=None, middleware=[guard], redirect_slashes=False)
    console.mount("/static", StaticFiles(directory=_STATIC))
    first = (
        traces_pages.pages(traces, renderer, project),
        trace_pages.pages(traces, renderer, project, prices),
        sessions_pages.pages(traces, renderer, project),
    )
    for router in first:
        console.router.routes.extend(router.routes)  # to include them, FastAPI analyses each route once more

    def on_error(request: Request, error: Exception) -> Response:
        visitor = visitor_of(request)
        if isinstance(error, PilothouseError):
            return renderer.error(error.status, error.message, visitor)
        if isinstance(error, HTTPException):
            unknown = "There is no such page." if error.status_code == 404 else ""
            return renderer.error(error.status_code, unknown, visitor)
        if isinstance(error, RequestValidationError):
            return renderer.error(400, "The address of this page is not as it should be.", visitor)
        _log.error("a console page failed", exc_info=error)
        return renderer.error(500, "Something went wrong in Pilothouse. The log says what.", visitor)

    for kind in (PilothouseError, HTTPException, RequestValidationError, Exception):
        console.add_exception_handler(kind, on_error)
    return console


def _add_session_pages(
    console: FastAPI, renderer: Renderer, auth: ConsoleAuth, *, provider: bool, secure: bool
) -> None:  # fmt: skip
    @console.get("/")
    def home() -> Response:
        return RedirectResponse(f"{ROOT}/traces", 303)

    @console.get("/login")
    def login_page(next: str = "") -> Response:
        return renderer.page("login.html", next=_own_page(next), failed=False, provider=provider)

    @console.post("/login")
    async def login(request: Request) -> Response:
        try:
            form = await read_fields(request, _LARGEST_FORM)
        except InvalidRequest:
            form = Fields()
        session = auth.session_for(form.get("key"))
        target = _own_page(form.raw("next"))
        if session is None:
            return renderer.page("login.html", 401, next=target, failed=True, provider=provider)
        answer = RedirectResponse(target, 303)
        _keep(answer, session, secure=secure or request.url.scheme == "https")
        return answer

    @console.post("/logout")
    def logout() -> Response:
        answer = RedirectResponse(f"{ROOT}/login", 303)
        answer.delete_cookie(COOKIE, path=ROOT, httponly=True, samesite="strict")
        return answer


def _keep(answer: Response, session: str, *, secure: bool) -> None:
    answer.set_cookie(COOKIE, session, path=ROOT, httponly=True, samesite="strict", secure=secure)


def _add_sign_in(console: FastAPI, renderer: Renderer, sign_in: ConsoleSignIn, secure: bool) -> None:
    """Away to the provider, and back. The cookie in between is Lax: the way back begins at another site."""
    path = f"{ROOT}/login"

    @console.get("/login/start")
    async def start(request: Request, next: str = "") -> Response:
        target = _own_page(next if len(next) <= _LONGEST_TARGET else "")
        begun = await sign_in.begin(target)
        answer = RedirectResponse(begun.url, 303)
        answer.set_cookie(
            SIGN_IN_COOKIE, begun.cookie, max_age=_SIGN_IN_SECONDS, path=path, httponly=True, samesite="lax",
            secure=secure or request.url.scheme == "https",
        )  # fmt: skip
        return answer

    @console.get("/login/callback")
    async def callback(request: Request) -> Response:
        """The page goes on by itself: a redirect from another site would leave the new Strict cookie behind."""
        try:
            session, target = await sign_in.finish(request.cookies.get(SIGN_IN_COOKIE, ""), request.query_params)
        except AccessError as error:
            answer: Response = renderer.error(error.status, error.message)
        else:
            answer = renderer.page("signed_in.html", next=_own_page(target))
            _keep(answer, session, secure=secure or request.url.scheme == "https")
        answer.delete_cookie(SIGN_IN_COOKIE, path=path, httponly=True, samesite="lax")
        return answer


def _own_page(target: str) -> str:
    """`target` where it is a page of the console, else the first page: a login leads nowhere else."""
    parts = urlsplit(target) if target.isascii() and target.isprintable() and "\\" not in target else urlsplit("")
    inside = not parts.scheme and not parts.netloc and parts.path.startswith(f"{ROOT}/") and "//" not in target
    return target if inside else f"{ROOT}/traces"


def _from_here(request: Request) -> bool:
    """Whether a form comes from a page of this server, as far as the browser says (Fetch Metadata, W3C)."""
    return request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")


class _SignedIn:
    """Sends everyone without a session to the login page, and lets only those who may change things send forms."""

    def __init__(self, app: ASGIApp, auth: ConsoleAuth, renderer: Renderer) -> None:
        self._app = app
        self._auth = auth
        self._renderer = renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = None
        if scope["type"] == "http":
            scope["path"] = scope["path"].replace("\0", UNSTORABLE)
            scope["query_string"] = scope["query_string"].replace(b"%00", quote(UNSTORABLE).encode())
            answer = self._refusal(scope)
        await (self._app if answer is None else answer)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        """None where the request may go on; its `state.principal` is then whose session it is."""
        request = Request(scope)
        changes = scope["method"] not in ("GET", "HEAD")
        if changes and not _from_here(request):
            return self._renderer.error(403, "This form was not sent by the console.")
        if scope["path"].startswith(_OPEN):
            return None
        principal = self._auth.check(request.cookies.get(COOKIE, ""))
        if principal is None:
            wanted = f"{scope['path']}?{request.url.query}" if request.url.query else scope["path"]
            return RedirectResponse(f"{ROOT}/login?next={quote(wanted, safe='/')}", 303)
        reviews = scope["path"] == _REVIEWS or scope["path"].startswith(f"{_REVIEWS}/")
        if not principal.may("read") and not reviews and scope["path"] != _LOGOUT:
            return RedirectResponse(_REVIEWS, 303)
        if changes and scope["path"] != _LOGOUT and not principal.may("review" if reviews else "write"):
            visitor = Visitor(principal, "")
            told = f"You may look, but not change: your role is '{principal.role}'."
            return self._renderer.error(403, told, visitor)
        scope.setdefault("state", {})["principal"] = principal
        return None


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
