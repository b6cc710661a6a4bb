"""`/api/prompts`: versions of prompts, and the labels that point to them; `/api/prompt-requests`: promotions that wait.

A name may hold slashes, written as they are or as %2F: no part of a name is one of the words that follow it here.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from pilothouse.api.caller import By, InProject
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.shown import change_json, head_json, prompt_json, version_json
from pilothouse.prompts.versions import PRODUCTION, Pending
from pilothouse.types import Json

__all__ = ["request_routes", "routes"]

_Limit = Annotated[int, Query(ge=1, le=500)]
_Number = Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)]
_Asked = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
_Reason = Annotated[str, Field(max_length=2000)]
_Expected = Annotated[
    int | None,
    Field(ge=0, le=2**31 - 1, strict=True, description="Where the label points, 0 for nowhere: else 409."),
]
_Statuses = Literal["pending", "approved", "rejected", "stale", "all"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _NewVersion(_Strict):
    """`content` is that of the version; see the docs of prompts."""

    name: str
    content: Annotated[Content, BeforeValidator(content_of)]
    message: Annotated[str, Field(max_length=2000)] = ""
    labels: Annotated[list[str], Field(max_length=50)] = []
    parent: _Number | None = None


class _AboutPrompt(_Strict):
    description: str | None = None
    tags: Annotated[list[str], Field(max_length=500)] | None = None
    archived: bool | None = None


class _Target(_Strict):
    version: _Number
    reason: _Reason = ""
    force: bool = False
    expected: _Expected = None


class _Back(_Strict):
    label: str = PRODUCTION
    reason: _Reason = ""
    expected: _Expected = None


class _Comment(_Strict):
    note: _Reason = ""


def routes(prompts: Prompts) -> APIRouter:
    """The routes over the registry."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])

    @router.get("")
    def list_prompts(
        project: InProject, search: str = "", label: str | None = None, tag: str | None = None, folder: str = "",
        below: bool = True, archived: bool = False, limit: _Limit = 50, after: str | None = None,
    ) -> Json:  # fmt: skip
        """By name, with their labels; those in a `folder` (`rag/`). Without those `below` folders in it these are
        told, with how many prompts each has. Archived ones are a list of their own. Hand `next` back as `after`."""
        page = prompts.list(
            project, search=search, label=label, tag=tag, folder=folder, below=below, archived=archived, after=after,
            limit=limit,
        )  # fmt: skip
        newest = prompts.heads(project, [one.name for one in page.prompts])
        told = {"data": [prompt_json(one, newest.get(one.name)) for one in page.prompts], "next": page.next}
        return told if below else {**told, "folders": prompts.folders(project, folder, archived=archived)}

    @router.post("", status_code=201)
    def create_version(body: _NewVersion, project: InProject, by: By) -> Json:
        """The next version of a prompt, which is made where there is none of that name. The same content as the newest
        version is that version again."""
        made = prompts.create(
            project, body.name, body.content, by=by, message=body.message, labels=body.labels,
            parent=body.parent,
        )  # fmt: skip
        return version_json(made)

    _add_versions(router, prompts)
    _add_labels(router, prompts)

    @router.get("/{name:path}")
    def get_prompt(name: str, project: InProject) -> Json:
        """A prompt, with the version that each label points to and the move that brought it there."""
        found = prompts.prompt(project, name)
        moves = {label: change_json(move) for label, move in prompts.labels(project, name).items()}
        return {**prompt_json(found, prompts.heads(project, [name]).get(name)), "moves": moves}

    @router.patch("/{name:path}")
    def describe_prompt(name: str, body: _AboutPrompt, project: InProject, by: By) -> Json:
        """Change `description` or `tags`, archive a prompt, or take it back into the list (`archived: false`)."""
        found = prompts.describe(project, name, by=by, description=body.description, tags=body.tags)
        if body.archived is not None:
            found = prompts.archive(project, name, body.archived, by=by)
        return prompt_json(found)

    @router.delete("/{name:path}")
    def archive_prompt(name: str, project: InProject, by: By) -> Json:
        """Archive it: nothing of it is lost. 409 while a label points to a version of it."""
        return prompt_json(prompts.archive(project, name, by=by))

    return router


def _add_versions(router: APIRouter, prompts: Prompts) -> None:
    @router.get("/{name:path}/versions")
    def list_versions(name: str, project: InProject, limit: _Limit = 50, before: _Asked = None) -> Json:
        """Without their contents, the newest first. Hand `next` back as `before`."""
        found = prompts.versions(project, name, limit=limit, before=before)
        more = len(found) == limit and found[-1].number > 1
        return {"data": [head_json(one) for one in found], "next": found[-1].number if more else None}

    @router.get("/{name:path}/versions/{number}")
    def get_version(name: str, number: int, project: InProject) -> Json:
        """One version, with its content. It never changes; also one of an archived prompt is there."""
        return version_json(prompts.get(project, name, version=number))

    @router.get("/{name:path}/resolved")
    def resolve(name: str, project: InProject, label: str | None = None, version: _Asked = None) -> Json:
        """The version that a label points to now, by default `production`, or one by its number; in `includes` what it
        includes of other prompts, at any depth, by how the templates name it."""
        found = prompts.get(project, name, version=version, label=label)
        included = prompts.parts(project, found.content)
        return {**version_json(found), "includes": {name: version_json(part) for name, part in included.items()}}


def _add_labels(router: APIRouter, prompts: Prompts) -> None:
    @router.put("/{name:path}/labels/{label}", responses={202: {"description": "It waits for a second person."}})
    def promote(name: str, label: str, body: _Target, project: InProject, by: By) -> JSONResponse:
        """Let a label point to a version. 409 with the reasons where the label is protected; 202 and the request where
        another person must agree. `force` needs a reason."""
        done = prompts.promote(
            project, name, body.version, label, by=by, reason=body.reason, force=body.force, expected=body.expected
        )
        return JSONResponse(change_json(done), 202 if isinstance(done, Pending) else 200)

    @router.delete("/{name:path}/labels/{label}")
    def unlabel(name: str, label: str, project: InProject, by: By, reason: str = "") -> Json:
        """Take a label away; a rollback brings it back."""
        return change_json(prompts.unlabel(project, name, label, by=by, reason=reason[:2000]))

    @router.post("/{name:path}/rollback")
    def rollback(name: str, body: _Back, project: InProject, by: By) -> Json:
        """Let a label point to what it pointed to before; again, to what it pointed to before that."""
        done = prompts.rollback(project, name, body.label, by=by, reason=body.reason, expected=body.expected)
        return change_json(done)

    @router.get("/{name:path}/history")
    def history(
        name: str, project: InProject, label: str | None = None, limit: _Limit = 50, before: str | None = None
    ) -> Json:  # fmt: skip
        """The moves of a prompt's labels, or of one, the newest first. Hand `next` back as `before`."""
        found = prompts.history(project, name, label, before=before, limit=limit)
        return {"data": [change_json(one) for one in found], "next": found[-1].id if len(found) == limit else None}


def request_routes(prompts: Prompts) -> APIRouter:
    """The routes over promotions that wait for a second person."""
    router = APIRouter(prefix="/api/prompt-requests", tags=["prompts"])

    @router.get("")
    def list_requests(
        project: InProject, prompt: str | None = None, status: _Statuses = "pending", limit: _Limit = 50,
        before: str | None = None,
    ) -> Json:  # fmt: skip
        """Those of a `status`, the newest first. Hand `next` back as `before`."""
        wanted = None if status == "all" else status
        found = prompts.pending(project, prompt, status=wanted, before=before, limit=limit)
        return {"data": [change_json(one) for one in found], "next": found[-1].id if len(found) == limit else None}

    @router.get("/{request}")
    def get_request(request: str, project: InProject) -> Json:
        """One of them."""
        return change_json(prompts.request(project, request))

    @router.post("/{request}/approve")
    def approve(request: str, project: InProject, by: By, body: _Comment | None = None) -> Json:
        """Agree, with another key than that which asked: the label moves. 409 where it waits no longer."""
        return change_json(prompts.approve(project, request, by=by, note=body.note if body else ""))

    @router.post("/{request}/reject")
    def reject(request: str, project: InProject, by: By, body: _Comment | None = None) -> Json:
        """Disagree, or take back what one asked for oneself."""
        return change_json(prompts.reject(project, request, by=by, note=body.note if body else ""))

    return router
