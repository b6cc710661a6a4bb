"""Calls of tools that wait for a person, in the database: asked for, decided once, expired where nobody decides.

Silence is no. Blocks on the database. Knows nothing of agents beyond what they ask.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Row, insert, select, update

from pilothouse.access.audit import Actor, record
from pilothouse.agents.approving import Asked
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound
from pilothouse.ids import content_hash, new_id, now_us
from pilothouse.principal import Principal
from pilothouse.storage.database import Store, writing
from pilothouse.storage.tables import approvals
from pilothouse.types import Json

__all__ = ["Approval", "Approvals", "Standing"]

Standing = Literal["pending", "approved", "denied", "expired"]
_LONGEST = 24 * 3600.0  # seconds
_MOST_CHARS = 400_000  # of the arguments


@dataclass(frozen=True, slots=True)
class Approval:
    """A call that waits, or did. `arguments` is JSON text, exactly what is passed on. Times are UTC microseconds."""

    project_id: str
    id: str
    status: Standing
    agent: str
    tool: str
    severity: str
    arguments: str
    why: tuple[str, ...]
    origins: tuple[str, ...]
    task: str
    trace_id: str
    asker: str
    asked_by: str
    created_us: int
    expires_us: int
    decided_us: int | None
    decided_by: str | None
    reason: str | None

    def to_json(self) -> Json:
        """All fields, but whose key asked."""
        return {name: value for name, value in asdict(self).items() if name != "asker"}


class Approvals:
    """Those of all projects. `clock` gives UTC microseconds."""

    def __init__(self, store: Store, clock: Any = now_us) -> None:
        self._engine, self._packer, self._clock = store.control, store.packer, clock

    def ask(self, project: str, asked: Asked, seconds: float, principal: Principal) -> Approval:
        """Write down a call that waits for so long, in the name of whoever runs the agent."""
        if not 0 < seconds <= _LONGEST:
            raise InvalidRequest("An approval waits for a day at most.", param="seconds")
        if len(asked.arguments) > _MOST_CHARS:
            raise InvalidRequest(f"Arguments of more than {_MOST_CHARS} characters cannot be shown.", param="arguments")
        now = self._clock()
        made, by = new_id(now), Actor.of(principal)
        body = {"arguments": asked.arguments, "why": asked.why, "origins": asked.origins, "task": asked.task}
        values = {
            "project_id": project, "id": made, "status": "pending", "agent": asked.agent, "tool": asked.tool,
            "severity": asked.severity, "trace_id": asked.trace_id, "asker": principal.key_id, "asked_by": by.name,
            "body": self._packer.pack(body, project, made), "created_us": now, "expires_us": now + int(seconds * 1e6),
        }  # fmt: skip
        with writing(self._engine) as connection:
            connection.execute(insert(approvals), values)
        return self.get(project, made)

    def get(self, project: str, identifier: str) -> Approval:
        """One of them. Raises NotFound."""
        where = (approvals.c.project_id == project) & (approvals.c.id == identifier)
        with self._engine.connect() as connection:
            row = connection.execute(select(approvals).where(where)).first()
        if row is None:
            raise NotFound(f"There is no approval '{identifier[:64]}' in the project '{project}'.")
        return self._approval(row)

    def list(
        self, project: str, *, pending: bool = False, limit: int = 50, before: str | None = None
    ) -> Sequence[Approval]:  # fmt: skip
        """The newest first; only those that wait, where `pending`. `before` is the last id of the page before."""
        query = select(approvals).where(approvals.c.project_id == project).order_by(approvals.c.id.desc()).limit(limit)
        if pending:
            query = query.where(approvals.c.status == "pending", approvals.c.expires_us > self._clock())
        if before is not None:
            query = query.where(approvals.c.id < before)
        with self._engine.connect() as connection:
            return [self._approval(row) for row in connection.execute(query)]

    def decide(
        self, project: str, identifier: str, principal: Principal, by: Actor, *, approved: bool, reason: str = ""
    ) -> Approval:  # fmt: skip
        """Say yes or no, once. Raises Forbidden for the key that asked, Conflict where it was decided or is too late.

        What was shown is in the audit log as a hash of tool and arguments.
        """
        found = self.get(project, identifier)
        if found.asker and found.asker == principal.key_id:
            raise Forbidden("Who asks does not decide: another key, or a person, must approve it.")
        now, status = self._clock(), "approved" if approved else "denied"
        where = (approvals.c.project_id == project) & (approvals.c.id == identifier)
        waiting = where & (approvals.c.status == "pending") & (approvals.c.expires_us > now)
        with writing(self._engine) as connection:
            values = {"status": status, "decided_us": now, "decided_by": by.name, "reason": reason[:1000]}
            if connection.execute(update(approvals).where(waiting).values(values)).rowcount:
                after = {
                    "agent": found.agent, "tool": found.tool, "reason": reason[:1000],
                    "call": content_hash([found.tool, found.arguments]),
                }  # fmt: skip
                action = "approval.approve" if approved else "approval.deny"
                record(connection, by, action, f"approval:{identifier}", project_id=project, after=after)
        decided = self.get(project, identifier)
        if (decided.decided_us, decided.decided_by, decided.status) != (now, by.name, status):
            raise Conflict(f"It is {decided.status} already.")
        return decided

    def _approval(self, row: Row[Any]) -> Approval:
        values = dict(row._mapping)
        body = self._packer.unpack(values.pop("body"), values["project_id"], values["id"])
        if values["status"] == "pending" and values["expires_us"] <= self._clock():
            values["status"] = "expired"
        return Approval(**values, arguments=body["arguments"], why=tuple(body["why"]),
                        origins=tuple(body["origins"]), task=body["task"])  # fmt: skip
