"""`/api/prompts/lint`: what the linter says of a prompt that is being written, or of one that is kept."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from pilothouse.api.caller import InProject
from pilothouse.config import Config
from pilothouse.errors import InvalidRequest
from pilothouse.observe.costs.prices import Prices
from pilothouse.prompts.content import Content, content_of
from pilothouse.prompts.lint.cost import ASSUMED_CHARS, Limits
from pilothouse.prompts.lint.linter import Linter, draft_of
from pilothouse.prompts.lint.pricing import ModelPricing
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.versions import LATEST, reference_of
from pilothouse.types import Json

__all__ = ["routes"]

_Codes = Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=100)]
_Models = Annotated[list[Annotated[str, Field(min_length=1, max_length=512)]], Field(max_length=20)]
_MOST_TOKENS = 100_000_000


class _ToLint(BaseModel):
    """Either the `content` of a version, or a `prompt` of the registry: `name`, `name@3`, `name#label`."""

    model_config = ConfigDict(extra="forbid")

    content: Json | None = None
    prompt: Annotated[str, Field(max_length=400)] | None = None
    select: _Codes = []
    ignore: _Codes = []
    models: _Models = []
    max_tokens: Annotated[int, Field(ge=1, le=_MOST_TOKENS)] | None = None
    max_cost_usd: Annotated[float, Field(gt=0, le=1e6)] | None = None
    chars: Annotated[int, Field(ge=0, le=10_000_000)] = ASSUMED_CHARS


def routes(prompts: Prompts, prices: Prices, config: Callable[[], Config]) -> APIRouter:
    """The routes over this registry, with the prices that hold now and the aliases of the configuration."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])

    @router.post("/lint")
    def lint(asked: _ToLint, project: InProject) -> Json:
        """What the linter finds in a prompt: `findings` in the order of the text, each with its message, line, column
        and offsets, why, and a wording that would do; `costs`; `notes` on what was not looked at. Keeps nothing."""
        if (asked.content is None) == (asked.prompt is None):
            raise InvalidRequest("Say one of 'content' and 'prompt': what is to be looked at.", param="content")
        limits = Limits(
            asked.max_tokens, None if asked.max_cost_usd is None else round(asked.max_cost_usd * 1e9), asked.chars
        )
        linter = Linter(asked.select, asked.ignore, asked.models, ModelPricing.of(config(), prices), limits)
        if asked.prompt is None:
            content = content_of(asked.content)
            draft = draft_of(content)
            if draft.includes:
                draft = draft_of(content, included=_parts(prompts, project, content))
            return linter.lint(draft).to_json()
        wanted = reference_of(asked.prompt)
        label = wanted.label or (LATEST if wanted.version is None else None)
        found = prompts.get(project, wanted.name, version=wanted.version, label=label)
        parts = [part.content for part in prompts.parts(project, found.content).values()]
        return linter.lint(draft_of(found.content, found.reference, included=parts)).to_json()

    return router


def _parts(prompts: Prompts, project: str, content: Content) -> list[Content]:
    """What a content that is being written includes; nothing where some of it is not there, or cannot be read yet."""
    try:
        return [part.content for part in prompts.parts(project, content).values()]
    except InvalidRequest:
        return []
