"""`/api/alerts`: what was noticed, who was told of it, and silences. Times are UTC microseconds."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from pilothouse.access.shapes import Strict
from pilothouse.alerts.book import Alert
from pilothouse.alerts.rooms import AlertRooms
from pilothouse.alerts.rules import rules_of
from pilothouse.api.caller import By, Caller, InProject, installation_only
from pilothouse.errors import NotFound
from pilothouse.notify.outbox import Delivery
from pilothouse.types import Json

__all__ = ["alert_json", "routes"]

_Text = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[^\x00]*$")]


class _Silenced(Strict):
    """Until when nobody is told, of which rule and subject: of any where left out."""

    until_us: Annotated[int, Field(ge=0, lt=2**62)]
    rule: _Text | None = None
    subject: _Text | None = None
    comment: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""


class _Tested(Strict):
    """Which channels are to get a test message; all where left out."""

    channels: list[str] | None = None


def routes(rooms: AlertRooms) -> APIRouter:
    """The routes over these rooms."""
    router = APIRouter(prefix="/api/alerts", tags=["alerts"])

    @router.get("")
    def list_alerts(
        project: InProject,
        status: Literal["open", "cleared"] | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(description="The last id of the page already seen.")] = None,
    ) -> list[Json]:
        """The newest first, each with the messages that told of it."""
        found = rooms.book.list(project, status, limit, before)
        told = rooms.outbox.about(project, [alert.id for alert in found])
        return [alert_json(alert, told.get(alert.id, [])) for alert in found]

    @router.get("/rules")
    def list_rules(project: InProject) -> list[Json]:
        """The rules that hold. Thresholds are shares; of latency microseconds; of anomalies robust z-scores."""
        return [asdict(rule) for rule in rules_of(rooms.config())]

    @router.post("/test")
    async def send_test(caller: Caller, project: InProject, body: _Tested) -> dict[str, str | None]:
        """Send a test message to channels; by channel what went wrong, or null."""
        installation_only(caller)
        known = list(rooms.config().channels)
        channels = known if body.channels is None else body.channels
        for name in channels:
            if name not in known:
                raise NotFound(f"There is no channel '{name[:64]}'. There are: {', '.join(known) or 'none'}.")
        return await rooms.postman.test(channels, project)

    _add_silences(router, rooms)

    @router.get("/{alert_id}")
    def get_alert(alert_id: str, project: InProject) -> Json:
        """One alert with the messages that told of it."""
        alert = rooms.book.get(alert_id, project)
        return alert_json(alert, rooms.outbox.about(project, [alert.id]).get(alert.id, []))

    return router


def _add_silences(router: APIRouter, rooms: AlertRooms) -> None:
    @router.get("/silences")
    def list_silences(project: InProject) -> list[Json]:
        """Those that hold now, the one that ends first first."""
        return [silence.to_json() for silence in rooms.silences.list(project)]

    @router.post("/silences")
    async def silence(body: _Silenced, by: By, project: InProject) -> Json:
        """Tell nobody until a time, a year away at most. What is noticed meanwhile is written down."""
        made = await asyncio.to_thread(
            rooms.silences.add, by, body.until_us, rule=body.rule, subject=body.subject, comment=body.comment,
            project=project,
        )  # fmt: skip
        return made.to_json()

    @router.delete("/silences/{silence_id}", status_code=204)
    def end_silence(silence_id: str, by: By, project: InProject) -> None:
        """Let a silence end now."""
        rooms.silences.end(by, silence_id, project=project)


def alert_json(alert: Alert, told: list[Delivery]) -> Json:
    """An alert for JSON output, with its messages."""
    messages = [
        {"channel": d.channel, "event": d.event, "status": d.status, "attempts": d.attempts, "error": d.error}
        for d in told
    ]
    return {**asdict(alert), "channels": list(alert.channels), "messages": messages}
