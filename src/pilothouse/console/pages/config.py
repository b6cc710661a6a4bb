"""The configuration that serves, its history, what differs between two, going back to one, and a new one as YAML.

Secrets are shown as `(hidden)`; saved so, they stay what they are.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from pilothouse.access.secrets import demand_same_places
from pilothouse.config import Config
from pilothouse.console.forms import Fields, Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Guest, Visitor
from pilothouse.errors import ConfigError, Conflict, Forbidden, InvalidRequest
from pilothouse.lifecycle.live import LiveConfig
from pilothouse.snapshot import config_of
from pilothouse.storage.configs import Difference, differences, hidden, revealed
from pilothouse.yamlfile import YamlFile

__all__ = ["pages"]

_HOME = f"{ROOT}/config"
_ROWS = 50
_AROUND = 2  # lines of the text around a problem
_FILE = "line"
_PLACED = re.compile(rf"^{_FILE}:(\d+): (.*)$", re.DOTALL)
_Number = Annotated[int, Query(ge=0, le=2**31 - 1)]
_From = Annotated[int | None, Query(alias="from", ge=0, le=2**31 - 1)]


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is wrong, and the lines around it as (number, text) where its place is known."""

    text: str
    line: int | None
    around: list[tuple[int, str]]


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The routes of the configuration, which is that of all projects."""
    router = APIRouter(prefix="/config")
    _add_reading(router, rooms.live, renderer)
    _add_editing(router, rooms.live, renderer)
    _add_rollback(router, rooms.live, renderer)
    return router


def _add_reading(router: APIRouter, live: LiveConfig, renderer: Renderer) -> None:
    @router.get("")
    def current_page(visitor: Guest, number: _Number | None = None, done: str = "") -> Response:
        snapshot = live.snapshot if number is None else live.store.read(number)
        revisions = live.store.history(limit=5)
        return renderer.page(
            "config.html", visitor=visitor, snapshot=snapshot, text=_yaml(snapshot.config), revisions=revisions,
            serving=live.snapshot.number, done=done,
        )  # fmt: skip

    @router.get("/history")
    def history_page(visitor: Guest, before: _Number | None = None) -> Response:
        found = live.store.history(limit=_ROWS + 1, before=before)
        older = found[_ROWS - 1].number if len(found) > _ROWS else None
        return renderer.page(
            "config_history.html", visitor=visitor, revisions=found[:_ROWS], serving=live.snapshot.number,
            before=before, older=older,
        )  # fmt: skip

    @router.get("/diff")
    def diff_page(visitor: Guest, to: _Number, old: _From = None) -> Response:
        old = max(0, to - 1) if old is None else old
        return renderer.page(
            "config_diff.html", visitor=visitor, old=old, new=to, rows=live.store.diff(old, to),
            serving=live.snapshot.number,
        )  # fmt: skip


def _add_editing(router: APIRouter, live: LiveConfig, renderer: Renderer) -> None:
    def ask(
        visitor: Visitor, text: str, expected: int, status: int = 200, *, problems: list[_Problem] | None = None,
        rows: list[Difference] | None = None, conflict: str = "",
    ) -> Response:  # fmt: skip
        return renderer.page(
            "config_edit.html", status, visitor=visitor, text=text, expected=expected, problems=problems or [],
            rows=rows, conflict=conflict, serving=live.snapshot.number,
        )  # fmt: skip

    @router.get("/edit")
    def edit_page(visitor: Editor) -> Response:
        return ask(visitor, _yaml(live.snapshot.config), live.snapshot.number)

    @router.post("/edit")
    def edit(visitor: Editor, form: Sent) -> Response:
        text, expected = form.raw("text").replace("\r\n", "\n"), _expected(form)
        before = live.snapshot
        try:
            config = _parsed(text, before.config)
            demand_same_places(visitor.principal, before.config, config)
            if form.get("action") != "save":
                live.validate(config)
                return ask(visitor, text, expected, rows=differences(before.config, config))
            after = live.put(config, author=visitor.actor.name, source="console", expected_number=expected)
        except Conflict as error:
            return ask(visitor, text, expected, error.status, conflict=error.message)
        except (ConfigError, Forbidden) as error:
            return ask(visitor, text, expected, error.status, problems=_problems(error, text))
        return RedirectResponse(f"{_HOME}?done={'unchanged' if after.number == before.number else 'changed'}", 303)


def _add_rollback(router: APIRouter, live: LiveConfig, renderer: Renderer) -> None:
    @router.get("/rollback")
    def rollback_page(visitor: Editor, number: _Number) -> Response:
        live.store.read(number)
        current = live.snapshot.number
        return renderer.page(
            "config_rollback.html", visitor=visitor, number=number, current=current,
            rows=live.store.diff(current, number),
        )  # fmt: skip

    @router.post("/rollback")
    def rollback(visitor: Editor, form: Sent) -> Response:
        live.rollback(
            _number(form.get("number")), author=visitor.actor.name, source="console", expected_number=_expected(form)
        )
        return RedirectResponse(f"{_HOME}?done=rolled-back", 303)


def _parsed(text: str, current: Config) -> Config:
    """The configuration that a text is. Raises ConfigError with a line `line:7: key: what is wrong` per problem."""
    file = YamlFile(Path(_FILE), text)
    data = revealed({} if file.data is None else file.data, current)
    return config_of(data, lambda loc: f"{_FILE}:{file.line(loc)}: ")


def _problems(error: ConfigError | Forbidden, text: str) -> list[_Problem]:
    """Each problem with the lines around it."""
    lines, found = text.splitlines(), []
    if error.param and not _PLACED.match(error.message):  # it came from a room that knows keys, not lines
        line = YamlFile(Path(_FILE), text).line([int(s) if s.isdecimal() else s for s in error.param.split(".")])
        told = [f"{_FILE}:{line}: {error.message}"]
    else:
        told = error.message.splitlines()
    for one in told:
        match = _PLACED.match(one)
        if match is None:
            found.append(_Problem(one, None, []))
            continue
        line = int(match[1])
        first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
        found.append(_Problem(match[2], line, [(n, lines[n - 1]) for n in range(first, last + 1)]))
    return sorted(found, key=lambda problem: problem.line or 0)


def _expected(form: Fields) -> int:
    return _number(form.get("expected"))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest("The form does not say which Snapshot it is about. Open the page again.")
    return int(text)


def _yaml(config: Config) -> str:
    return yaml.safe_dump(hidden(config), sort_keys=False, allow_unicode=True)
