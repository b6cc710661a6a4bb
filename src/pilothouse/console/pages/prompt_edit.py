"""The editor of prompts: a draft with its preview and what the linter says of it, saved as the next version.

Every button of the form works without scripts; with them the preview follows what is written.
"""

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Fields, Uploaded
from pilothouse.console.previewing import Preview, preview_of, variables_in
from pilothouse.console.prompting import (
    EMPTY,
    TYPES,
    as_json,
    as_text,
    draft_of,
    edited,
    fields_of,
    is_blank,
    is_long,
    places_of,
    refilled,
)  # fmt: skip
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.visitor import Editor, Visitor
from pilothouse.errors import Conflict, InvalidRequest, NotFound
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.fetching import fetch_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.templates.including import Fetch
from pilothouse.prompts.versions import Version

__all__ = ["acted", "add_edit_pages", "drafted", "models_of", "opened", "previewed"]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which prompt is edited: none yet where `name` is empty. `number` is that of the next version."""

    name: str
    number: int


def add_edit_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The editor, to the router of the prompts of one project."""
    prompts = rooms.prompts.prompts

    def show(visitor: Visitor, asked: _Asked, form: Fields, problem: str = "", status: int = 200) -> Response:
        preview = previewed(form, fetch_of(prompts, project))
        return renderer.page(
            "prompt_edit.html", status, visitor=visitor, name=asked.name, number=asked.number, form=form,
            draft=None if form.get("as") == "json" else draft_of(form), preview=preview, problem=problem,
            types=TYPES, opened=opened(form),
            models=models_of(rooms),
        )  # fmt: skip

    @router.get("/edit")
    def edit_page(visitor: Editor, name: str = "", version: int | None = None) -> Response:
        if not name:
            return show(visitor, _Asked("", 1), fields_of(EMPTY))
        newest = prompts.prompt(project, name).newest
        content = prompts.get(project, name, version=newest if version is None else version).content.to_json()
        form = as_json(content) if is_long(content) else fields_of(content)
        return show(visitor, _Asked(name, newest + 1), form.also(parent=str(newest)))

    @router.post("/edit")
    def edit(visitor: Editor, form: Uploaded, name: str = "") -> Response:
        asked = _Asked(name, prompts.prompt(project, name).newest + 1 if name else 1)
        action = form.get("action") or "preview"
        try:
            if action != "save":
                return show(visitor, asked, acted(form, action))
            made = _saved(prompts, project, visitor, name, form)
        except (Conflict, InvalidRequest, NotFound) as error:
            return show(visitor, asked, form, error.message, error.status)
        told = {"name": made.name, "version": made.number, "done": "version"}
        return RedirectResponse(f"{ROOT}/prompts/one?{urlencode(told)}", 303)


def drafted(form: Fields) -> Content:
    """The content that a form says. Raises InvalidRequest, naming the field."""
    if form.get("as") != "json":
        return content_of(as_text(draft_of(form)))
    try:
        return content_of(json.loads(form.raw("whole")))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"This is no JSON: {error}.") from None


def previewed(form: Fields, fetch: Fetch) -> Preview:
    """What becomes of what a form says; nothing while that is nothing."""
    if form.get("as") != "json" and is_blank(draft_of(form)):
        return Preview()
    try:
        content = drafted(form)
    except InvalidRequest as error:
        return Preview(problem=error.message)
    return preview_of(content, form, fetch, [] if form.get("as") == "json" else places_of(draft_of(form)))


def opened(form: Fields) -> str:
    """Which part of the form a button of it was about: that is shown open again."""
    return "variables" if form.get("action") in ("variable", "found") else ""


def models_of(rooms: ConsoleRooms) -> list[str]:
    """The names that a model may be chosen by: aliases, and what the providers that have a list offer."""
    return sorted(rooms.router().names())


def acted(form: Fields, action: str) -> Fields:
    """The form after one of its buttons. Raises InvalidRequest where what it says is no prompt yet."""
    if form.get("as") == "json" or action == "preview":
        return form
    draft = draft_of(form)
    if action == "json":
        return as_json(as_text(draft)).also(**{name: form.raw(name) for name in ("parent", "message", "label")})
    found = variables_in(content_of(as_text(draft))) if action == "found" else ()
    return refilled(form, edited(draft, action, found))


def _saved(prompts: Prompts, project: str, visitor: Visitor, name: str, form: Fields) -> Version:
    content, parent = drafted(form), form.get("parent")
    known = int(parent) if parent.isascii() and parent.isdecimal() and len(parent) < 11 else None
    label, new = form.get("label"), form.get("new_name")
    if not name and not new:
        raise InvalidRequest("The prompt needs a name.", param="name")
    if name and known is None:
        raise InvalidRequest("The form does not say what was the newest version. Open the page again.", param="parent")
    made = prompts.create(
        project, name or new, content, by=visitor.actor, message=form.get("message"), labels=[label] if label else (),
        parent=known if name else None,
    )  # fmt: skip
    if not name and form.get("description"):
        prompts.describe(project, new, by=visitor.actor, description=form.get("description"))
    return made
