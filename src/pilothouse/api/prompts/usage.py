"""`/api/prompts/{name}/usage`: what the calls of each version came to."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.api.caller import InProject
from pilothouse.api.observe.stats import period_of
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.prompts.registry import Prompts
from pilothouse.prompts.usage import usage_of
from pilothouse.prompts.versions import check_label
from pilothouse.types import Json

__all__ = ["routes"]

_LATEST_US = 2**53
_Us = Annotated[int | None, Query(ge=0, le=_LATEST_US)]


def routes(prompts: Prompts, calls: PromptCalls) -> APIRouter:
    """The route over this registry and what is kept of calls. It goes before those that end in a name."""
    router = APIRouter(prefix="/api/prompts", tags=["prompts"])

    @router.get("/{name:path}/usage")
    def usage(
        name: str,
        project: InProject,
        period: Annotated[str, Query(description="The last 24h, 7d or 4w, the hour or day under way included.")] = "7d",
        since_us: _Us = None,
        until_us: _Us = None,
        label: str | None = None,
    ) -> Json:
        """Per version that was called in the period, the newest first: calls, cost, latency, tokens, the shares that
        failed, were refused, met a guard or came from a cache, and scores by name, with bounds of 95 %. `label`
        counts the calls that came by it alone. What evaluation asked is not counted."""
        prompts.prompt(project, name)
        asked = period_of(period, since_us, until_us, None)
        told = usage_of(calls, project, name, asked, label=None if label is None else check_label(label))
        return {
            "name": name, "since_us": asked.since_us, "until_us": asked.until_us,
            "versions": [one.to_json() for one in told],
        }  # fmt: skip

    return router
