"""What moves the labels of a prompt: promoting a version, rolling back, taking a label away, agreeing as a second
person; and what is said of a prompt. Editors do; all of it is in the history of the prompt and in the audit log."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from pilothouse.console.forms import Fields, Sent
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.versus import versus
from pilothouse.console.visitor import Editor
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound, PromotionRefused
from pilothouse.prompts.labels import movable
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import LATEST, PRODUCTION, Pending

__all__ = ["add_move_pages"]

_REFUSALS = (Conflict, Forbidden, InvalidRequest, NotFound, PromotionRefused)


def add_move_pages(
    router: APIRouter, prompts: Prompts, renderer: Renderer, project: str, show: Callable[..., Response]
) -> None:
    """The pages, to the router of the prompts of one project. `show` makes the page of a prompt."""
    _add_promotion(router, prompts, renderer, project)

    @router.post("/rollback")
    def rollback(visitor: Editor, name: str, form: Sent) -> Response:
        label = form.get("label")
        try:
            action, reason = form.chosen("action", ("rollback", "unlabel"), "rollback"), form.brief("reason")
            standing = _unmoved(prompts, project, name, label, form.get("move"))
            if action == "unlabel":
                prompts.unlabel(project, name, label, by=visitor.actor, reason=reason)
                return _to(name, "label-gone")
            made = prompts.rollback(project, name, label, by=visitor.actor, reason=reason, expected=standing)
        except _REFUSALS as error:
            return show(visitor, name, problem=error.message, status=error.status)
        return _to(name, "prompt-back", made.version)

    @router.post("/describe")
    def describe(visitor: Editor, name: str, form: Sent) -> Response:
        try:
            action = form.chosen("action", ("save", "archive", "restore"))
            if action != "save":
                prompts.archive(project, name, action == "archive", by=visitor.actor)
            else:
                tags = [tag.strip() for tag in form.get("tags").split(",") if tag.strip()]
                said = form.raw("description").replace("\r\n", "\n").strip()
                prompts.describe(project, name, by=visitor.actor, description=said, tags=tags)
        except _REFUSALS as error:
            return show(visitor, name, problem=error.message, status=error.status)
        return _to(name, "archived" if action == "archive" else "changed")

    @router.post("/decide")
    def decide(visitor: Editor, name: str, form: Sent) -> Response:
        try:
            decision = form.chosen("decision", ("approve", "reject"))
            act = prompts.approve if decision == "approve" else prompts.reject
            act(project, form.get("id"), by=visitor.actor, note=form.brief("note"))
        except _REFUSALS as error:
            return show(visitor, name, problem=error.message, status=error.status)
        return _to(name, "approved" if decision == "approve" else "rejected")


def _add_promotion(router: APIRouter, prompts: Prompts, renderer: Renderer, project: str) -> None:
    def ask(
        visitor: Any, name: str, number: int, form: Fields, problem: str = "", reasons: Any = (), status: int = 200
    ) -> Response:  # fmt: skip
        about, version = prompts.prompt(project, name), prompts.get(project, name, version=number)
        label = form.get("label") or PRODUCTION
        standing = about.labels.get(label)
        current = prompts.get(project, name, version=standing) if standing not in (None, number) else None
        against = reasons or prompts.guard.check(project, name, number, label, standing)
        return renderer.page(
            "prompt_move.html", status, visitor=visitor, name=name, about=about, version=version, label=label,
            current=current, told=versus(current.content, version.content) if current else None, form=form,
            labels=[one for one in about.labels if one != LATEST], standing=standing or 0, problem=problem,
            reasons=reasons, against=against, needs=prompts.guard.approvals(project, name, label),
        )  # fmt: skip

    @router.get("/move")
    def move_page(visitor: Editor, name: str, version: int, label: str = PRODUCTION) -> Response:
        return ask(visitor, name, version, Fields({"label": [label]}))

    @router.post("/move")
    def move(visitor: Editor, name: str, version: int, form: Sent) -> Response:
        expected, label = form.get("expected"), form.get("label")
        seen = label == form.get("asked") and expected.isascii() and expected.isdecimal() and len(expected) < 11
        try:
            movable(label)
            if not seen:  # nobody moves a label whose state was not shown
                told = f"This is what would change for '{label}'. Promote again to do it."
                return ask(visitor, name, version, form, told)
            made = prompts.promote(
                project, name, version, label, by=visitor.actor, reason=form.brief("reason"),
                force=form.get("force") == "yes", expected=int(expected),
            )  # fmt: skip
        except PromotionRefused as error:
            told = error.message.removesuffix(" ".join(error.reasons)).strip()
            return ask(visitor, name, version, form, told, error.reasons, error.status)
        except _REFUSALS as error:
            return ask(visitor, name, version, form, error.message, (), error.status)
        return _to(name, "waits" if isinstance(made, Pending) else "promoted", version)


def _unmoved(prompts: Prompts, project: str, name: str, label: str, move: str) -> int | None:
    """The version that the label points to. Raises Conflict where it was moved since the page was made: the button
    said something else."""
    last = next(iter(prompts.history(project, name, label, limit=1)), None)
    if last is not None and str(last.number) != move:
        raise Conflict(f"Somebody moved the label '{label}' since you opened the page. It is shown as it is now.")
    return None if last is None else last.version or 0


def _to(name: str, done: str, version: int | None = None) -> Response:
    told = {"name": name, **({"version": version} if version is not None else {}), "done": done}
    return RedirectResponse(f"{ROOT}/prompts/one?{urlencode(told)}", 303)
