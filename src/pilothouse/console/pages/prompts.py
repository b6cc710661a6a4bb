"""Prompts: the list with its folders, one with its versions and labels, what was moved when, two versions side by side.

A prompt is named in the query: names hold slashes, and may be anything.
"""

from collections.abc import Mapping
from functools import partial
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.console.pages.prompt_better import add_better_pages
from pilothouse.console.pages.prompt_edit import add_edit_pages
from pilothouse.console.pages.prompt_evaluate import add_evaluate_pages
from pilothouse.console.pages.prompt_moves import add_move_pages
from pilothouse.console.pages.prompt_play import add_play_pages
from pilothouse.console.pages.prompt_usage import add_usage_pages
from pilothouse.console.previewing import said_of
from pilothouse.console.prompting import shown_json
from pilothouse.console.render import ROOT, Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.versus import versus
from pilothouse.console.visitor import Guest, Visitor
from pilothouse.lifecycle.prompting.rooms import PromptRooms
from pilothouse.prompts.experiments.shape import Experiment, PromptTarget
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import LATEST, PRODUCTION, Move, Prompt
from pilothouse.storage.jobs import Job

__all__ = ["pages"]

_HOME = f"{ROOT}/prompts"
_ROWS, _VERSIONS, _MOVES = 50, 20, 50
_LABELS = 30
_BACK = 200
_VERDICTS, _RUNNING = 3, 200
_MOST_VERSIONS = 2**31 - 1


def pages(rooms: ConsoleRooms, renderer: Renderer, project: str) -> APIRouter:
    """The pages of the prompts of one project. All may look; editors change."""
    router = APIRouter(prefix="/prompts")
    prompts = rooms.prompts.prompts
    _add_list(router, prompts, renderer, project)
    _add_prompt(router, rooms, renderer, project)
    add_edit_pages(router, rooms, renderer, project)
    add_usage_pages(router, rooms, renderer, project)
    add_play_pages(router, rooms, renderer, project)
    show = partial(_one, renderer, rooms.prompts, project)
    add_move_pages(router, prompts, renderer, project, show)
    add_evaluate_pages(router, rooms, renderer, project, show)
    add_better_pages(router, rooms, renderer, project)
    return router


def _add_list(router: APIRouter, prompts: Prompts, renderer: Renderer, project: str) -> None:
    @router.get("")
    def list_page(
        visitor: Guest, text: str = "", label: str = "", tag: str = "", folder: str = "", after: str = "",
        archived: str = "", done: str = "",
    ) -> Response:  # fmt: skip
        """Of a folder the prompts in it and the folders in it; where something is looked for, all below it."""
        chosen = {
            "text": text.strip(),
            "label": label.strip(),
            "tag": tag.strip(),
            "folder": folder,
            "archived": archived,
        }
        seeking, gone = bool(chosen["text"] or chosen["label"] or chosen["tag"]), archived == "yes"
        page = prompts.list(
            project, search=chosen["text"], label=chosen["label"] or None, tag=chosen["tag"] or None, archived=gone,
            folder=folder, below=seeking, after=after or None, limit=_ROWS,
        )  # fmt: skip
        newest = prompts.heads(project, [one.name for one in page.prompts])
        asked = {name: value for name, value in chosen.items() if value}
        return renderer.page(
            "prompts.html", visitor=visitor, chosen=chosen, folder=folder, after=after, done=done, next=page.next,
            folders={} if seeking or after else prompts.folders(project, folder, archived=gone),
            rows=[(one, newest.get(one.name)) for one in page.prompts], pending=prompts.pending(project),
            first=f"?{urlencode(asked)}", more=f"?{urlencode({**asked, 'after': page.next or ''})}",
        )  # fmt: skip


def _add_prompt(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    prompts = rooms.prompts.prompts

    @router.get("/one")
    def one_page(
        visitor: Guest, name: str, version: int | None = None, before: int | None = None, done: str = "",
        job: str = "",
    ) -> Response:  # fmt: skip
        found = rooms.judging.job(project, name, job) if job else None
        return _one(renderer, rooms.prompts, project, visitor, name, version, before, done=done, job=found)

    @router.get("/history")
    def history_page(visitor: Guest, name: str, label: str = "", before: str = "") -> Response:
        about = prompts.prompt(project, name)
        moves = prompts.history(project, name, label or None, before=before or None, limit=_MOVES + 1)
        address = {"name": name, **({"label": label} if label else {})}
        more = f"?{urlencode({**address, 'before': moves[_MOVES - 1].id})}" if len(moves) > _MOVES else ""
        standing, back = _standing(prompts, project, about)
        known = dict.fromkeys([*(one for one in about.labels if one != LATEST), *(one.label for one in moves)])
        return renderer.page(
            "prompt_history.html", visitor=visitor, name=name, about=about, moves=moves[:_MOVES], label=label,
            labels=list(known), before=before, more=more, first=f"?{urlencode(address)}",
            last={move.id: back[label] for label, move in standing.items() if label in back},
        )  # fmt: skip

    @router.get("/diff")
    def diff_page(
        visitor: Guest, name: str, old: int | None = None, new: int | None = None, whole: str = ""
    ) -> Response:  # fmt: skip
        about = prompts.prompt(project, name)
        later = prompts.get(project, name, version=about.newest if new is None else new)
        earlier = prompts.get(project, name, version=max(1, later.number - 1) if old is None else old)
        return renderer.page(
            "prompt_diff.html", visitor=visitor, name=name, old=earlier, new=later, newest=about.newest, whole=whole,
            told=versus(earlier.content, later.content, whole=whole == "yes"),
        )  # fmt: skip


def _one(
    renderer: Renderer, rooms: PromptRooms, project: str, visitor: Visitor, name: str, number: int | None = None,
    before: int | None = None, *, done: str = "", problem: str = "", status: int = 200,
    job: Job | None = None,
) -> Response:  # fmt: skip
    """A prompt with one of its versions: by default that of production, else the newest."""
    prompts = rooms.prompts
    about = prompts.prompt(project, name)
    labels, back = _standing(prompts, project, about)
    chosen = about.labels.get(PRODUCTION, about.newest) if number is None else number
    version = prompts.get(project, name, version=chosen)
    before = None if before is None else min(max(before, 1), _MOST_VERSIONS)
    heads = prompts.versions(project, name, limit=_VERSIONS, before=before)
    older = heads[-1].number if heads and heads[-1].number > 1 else None
    watched = {one.label: one for one in rooms.watch.watches.of(project, name) if one.label in labels}
    old, new = _compared(version.number, about)
    return renderer.page(
        "prompt.html", status, visitor=visitor, name=name, about=about, version=version, newest=about.newest,
        labels=labels, back=back, versions=heads, before=before, older=older, said=said_of(version.content),
        shown_json=shown_json, pending=prompts.pending(project, name), chosen_old=old, chosen_new=new, done=done,
        problem=problem, job=job, judged=rooms.gate.protects(name, PRODUCTION), splits=_splits(rooms, project, name),
        verdicts=rooms.gate.verdicts.list(project, name, version=version.number, limit=_VERDICTS),
        watched={label: one for label, one in watched.items() if one.move_id == labels[label].id},
    )  # fmt: skip


def _splits(rooms: PromptRooms, project: str, name: str) -> dict[str, Experiment]:
    """By label: the experiment that splits its calls now."""
    running = rooms.experiments.registry.list(project, status="running", limit=_RUNNING)
    about = [(one, one.target) for one in running]
    return {of.label: one for one, of in about if isinstance(of, PromptTarget) and of.prompt == name}


def _compared(shown: int, about: Prompt) -> tuple[int, int]:
    """Which two versions are compared where nobody chose others: what serves with what is shown, or with the newest."""
    serving = about.labels.get(PRODUCTION)
    if serving is not None and serving != shown:
        return min(serving, shown), max(serving, shown)
    return (shown, about.newest) if shown != about.newest else (max(1, shown - 1), shown)


def _standing(prompts: Prompts, project: str, about: Prompt) -> tuple[Mapping[str, Move], Mapping[str, int]]:
    """The move that each label stands on, production first; and the version that a rollback returns it to."""
    standing = prompts.labels(project, about.name)
    labels = {label: standing[label] for label in sorted(standing, key=lambda one: (one != PRODUCTION, one))[:_LABELS]}
    back: dict[str, int] = {}
    for label, move in labels.items():
        if move.back is not None:
            moves = prompts.history(project, about.name, label, limit=_BACK)
            version = next((one.version for one in moves if one.number == move.back), None)
            back |= {} if version is None else {label: version}
    return labels, back
