"""`/api/prompts/render` and `/api/prompts/{name}/render`: what a model would be asked with. No model is called."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.api.caller import InProject
from pilothouse.errors import InvalidRequest, TemplateRefused
from pilothouse.gateway.meter import estimate_tokens
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.fetching import fetch_of
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.templates.checking import Named, check, variables_of
from pilothouse.prompts.templates.rendering import Rendered, render
from pilothouse.types import Json

__all__ = ["routes"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Draft(_Strict):
    """A content as of a version, and values for its variables."""

    content: Any
    variables: dict[str, Any] = {}


class _ToRender(_Strict):
    """`version` or `label`; by default the version that `production` points to."""

    variables: dict[str, Any] = {}
    version: Annotated[int, Field(ge=1, le=2**31 - 1, strict=True)] | None = None
    label: str | None = None


def routes(prompts: Prompts) -> APIRouter:
    """The routes over the registry. They stand before those of single prompts, whose names may hold slashes."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])

    @router.post("/render")
    def preview(body: _Draft, project: InProject) -> Json:
        """A draft as it would be rendered, with all that is wrong with it. `text` and `messages` are null where it
        cannot be. `problems` have a `kind`, `what` is wrong, and `line` and `message` (from 0) where they have such a
        place; `variables` are those that the draft names."""
        content = content_of(body.content)
        fetch = fetch_of(prompts, project)
        found = check(content, fetch=fetch)
        problems: list[Json] = [
            {"kind": one.kind, "what": one.what, "line": one.line, "message": one.message} for one in found
        ]
        told: Json = {"text": None, "messages": None, "included": [], "chars": None, "estimated_tokens": None}
        if not any(one.kind in ("syntax", "include", "variable") for one in found):
            try:
                told = _told(render(content, body.variables, fetch=fetch))
            except InvalidRequest as error:
                line = error.line if isinstance(error, TemplateRefused) else None
                problems.append({"kind": error.code, "what": error.message, "line": line, "message": None})
        named = [] if any(one.kind == "syntax" for one in found) else variables_of(content)
        variables = [
            {"name": one.name, "required": _needed(one, content), "line": one.line, "message": one.message}
            for one in named
        ]
        return {**told, "variables": variables, "problems": problems}

    @router.post("/{name:path}/render")
    def render_version(name: str, body: _ToRender, project: InProject) -> Json:
        """A version with these variables. 400 where one is missing, unknown or of another type; it is named."""
        version = prompts.get(project, name, version=body.version, label=body.label)
        made = render(version.content, body.variables, fetch=fetch_of(prompts, project))
        return {"prompt": version.reference, **_told(made)}

    return router


def _needed(named: Named, content: Content) -> bool:
    declared = content.variables.get(named.name)
    return named.required if declared is None else declared.required


def _told(made: Rendered) -> Json:
    return {
        "text": made.text,
        "messages": made.messages,
        "included": made.included,
        "chars": made.chars,
        "estimated_tokens": estimate_tokens(made.chars),
    }
