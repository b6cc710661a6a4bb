"""`/api/guards/attacks`: the attacks that people of a project confirmed. Times are UTC microseconds."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Connection

from pilothouse.access.audit import record
from pilothouse.access.shapes import Strict
from pilothouse.api.caller import By, InProject
from pilothouse.errors import InvalidRequest
from pilothouse.guards.attack.known import ConfirmedAttack, KnownAttacks
from pilothouse.observe.asked import whole_question
from pilothouse.observe.traces import Traces
from pilothouse.types import Json

__all__ = ["routes"]

_Text = Annotated[str, Field(max_length=200_000)]


class _Confirmed(Strict):
    """An attack: the text, or the id of a trace or its begin, whose last user message it was."""

    text: _Text = ""
    trace_id: Annotated[str, Field(max_length=64, pattern=r"^[\w-]*$")] = ""
    note: Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")] = ""


def routes(attacks: KnownAttacks, traces: Traces) -> APIRouter:
    """The routes over these attacks."""
    router = APIRouter(prefix="/api/guards/attacks", tags=["guards"])

    @router.get("")
    def list_attacks(
        project: InProject,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(description="The last id of the page already seen.")] = None,
    ) -> list[Json]:
        """The newest first. Their texts are not kept."""
        return [one.to_json() for one in attacks.list(project, limit=limit, before=before)]

    @router.post("", status_code=201)
    def confirm_attack(body: _Confirmed, by: By, project: InProject) -> Json:
        """Confirm an attack: the guard `attack_similarity` finds what is like it from now on, all over the project.
        Only fingerprints are kept."""
        if bool(body.text) == bool(body.trace_id):
            raise InvalidRequest("Say which attack: its 'text', or the 'trace_id' of a trace.", param="text")
        trace_id = traces.find(body.trace_id, project) if body.trace_id else ""
        text = body.text or _asked(traces, trace_id, project)

        def audited(connection: Connection, made: ConfirmedAttack) -> None:
            after = {"trace_id": made.trace_id, "note": made.note, "characters": made.characters}
            record(connection, by, "guards.attack.confirm", made.id, project_id=project, after=after)

        return attacks.confirm(
            project, text, by.name, trace_id=trace_id, note=body.note, within=audited
        ).to_json()  # fmt: skip

    @router.delete("/{attack_id}", status_code=204)
    def remove_attack(attack_id: str, by: By, project: InProject) -> None:
        """It was none: nothing is compared with it any more."""
        attacks.remove(
            project, attack_id,
            within=lambda connection: record(connection, by, "guards.attack.remove", attack_id, project_id=project),
        )  # fmt: skip

    return router


def _asked(traces: Traces, trace_id: str, project: str) -> str:
    root = traces.get(trace_id, project, payload=False).root
    text = whole_question(traces.payload(trace_id, root.id, project).get("input"))
    if not text:
        raise InvalidRequest("What the trace was asked is not kept: give the 'text'.", param="trace_id")
    return text
