"""`/api/audit`: who changed what, newest first. To be read only."""

from typing import Annotated

from fastapi import APIRouter, Query

from pilothouse.access import Audit, AuditFilters
from pilothouse.access.audit import Entry
from pilothouse.api.caller import AnyProject

__all__ = ["routes"]

_Time = Annotated[int | None, Query(ge=0, lt=2**62, description="UTC microseconds since 1970.")]


def routes(audit: Audit) -> APIRouter:
    """The routes over this log."""
    router = APIRouter(prefix="/api/audit", tags=["audit"])

    @router.get("")
    def list_entries(
        project: AnyProject,
        actor: str | None = None,
        source: str | None = None,
        action: Annotated[str | None, Query(description="Such as key.create; may end in *, as in key.*")] = None,
        subject: Annotated[str | None, Query(description="Such as key:... or team:default/ml; may end in *")] = None,
        since_us: _Time = None,
        until_us: _Time = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str | None, Query(description="The last id of the page already seen.")] = None,
    ) -> list[Entry]:
        """The newest changes first, each with its state before and after."""
        filters = AuditFilters(actor, source, action, subject, since_us, until_us)
        return list(audit.list(project, filters=filters, limit=limit, before=before))

    return router
