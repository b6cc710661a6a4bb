"""What the calls of each version of a prompt came to: over time, and as figures with their bounds."""

from fastapi import APIRouter
from starlette.responses import Response

from pilothouse.console.render import Renderer
from pilothouse.console.rooms import ConsoleRooms
from pilothouse.console.usage import panels_of
from pilothouse.console.visitor import Guest
from pilothouse.ids import now_us
from pilothouse.observe.prompt_calls import PromptCalls
from pilothouse.observe.sums.period import Period
from pilothouse.prompts.usage import usage_of

__all__ = ["add_usage_pages"]

_PERIODS = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days"}
_USUAL = "7d"


def add_usage_pages(router: APIRouter, rooms: ConsoleRooms, renderer: Renderer, project: str) -> None:
    """The page, to the router of the prompts of one project."""
    prompts, calls = rooms.prompts.prompts, PromptCalls(rooms.store)

    @router.get("/usage")
    def usage_page(visitor: Guest, name: str, period: str = _USUAL) -> Response:
        about = prompts.prompt(project, name)
        asked = Period.last(period, now_us(), None if period.endswith("h") else "day")
        steps = calls.steps(project, name, asked.since_us, asked.until_us, asked.step_us)
        return renderer.page(
            "prompt_usage.html", visitor=visitor, name=name, about=about, period=period, periods=_PERIODS,
            panels=panels_of(name, asked, steps) if steps else [],
            rows=usage_of(calls, project, name, asked) if steps else [],
            labels={number: label for label, number in reversed(about.labels.items())},
        )  # fmt: skip
