"""What was noticed, in the database: alerts open and past, and where rules stand. Knows nothing of rollups.

An alert and the messages that tell of it are written in one transaction, and of each rule and subject one alert is open
at most: a restart, or a second process, tells nothing twice.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.engine import Connection, Engine

from pilothouse.alerts.silences import is_silenced
from pilothouse.alerts.standing import Standing
from pilothouse.call import DEFAULT_PROJECT
from pilothouse.errors import NotFound
from pilothouse.ids import new_id, now_us
from pilothouse.monitoring import Severity
from pilothouse.notify.message import Message
from pilothouse.notify.outbox import Outbox
from pilothouse.storage.database import writing
from pilothouse.storage.tables import alert_standings, alerts, insert_new, upsert
from pilothouse.types import Json

__all__ = ["Alert", "Book", "Noticed"]

Status = Literal["open", "cleared"]


@dataclass(frozen=True, slots=True)
class Noticed:
    """What an alert is to say. `link` is a path; `ends_us` is when it ends by itself, None for one that is cleared."""

    rule: str
    subject: str
    severity: Severity
    text: str
    link: str
    value: float
    expected: float
    samples: int
    channels: Sequence[str] = ()
    ends_us: int | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is kept. `told` says whether any channel was told of it; times are UTC microseconds."""

    project_id: str
    id: str
    rule: str
    subject: str
    severity: Severity
    status: Status
    text: str
    link: str
    value: float
    expected: float
    samples: int
    opened_us: int
    cleared_us: int | None
    ends_us: int | None
    told: bool
    channels: tuple[str, ...]

    @property
    def title(self) -> str:
        """The rule and what it is about."""
        return f"{self.rule}: {self.subject}" if self.subject else self.rule


class Book:
    """The alerts in the control database. `address` makes a whole address of a link. Every method blocks."""

    def __init__(
        self, engine: Engine, outbox: Outbox, address: Callable[[str], str | None], clock: Callable[[], int] = now_us
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._address = address
        self._clock = clock

    def list(
        self, project: str = DEFAULT_PROJECT, status: Status | None = None, limit: int = 50, before: str | None = None
    ) -> Sequence[Alert]:
        """The newest first; `before` is the last id of the page already seen."""
        query = select(alerts).where(alerts.c.project_id == project).order_by(alerts.c.id.desc()).limit(limit)
        if status is not None:
            query = query.where(alerts.c.status == status)
        if before is not None:
            query = query.where(alerts.c.id < before)
        with self._engine.connect() as connection:
            return [_alert(row) for row in connection.execute(query)]

    def get(self, alert_id: str, project: str = DEFAULT_PROJECT) -> Alert:
        """Raises NotFound."""
        query = select(alerts).where(alerts.c.project_id == project, alerts.c.id == alert_id)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no alert '{alert_id[:64]}'. `pilothouse alerts list` shows those there are.")
        return _alert(row)

    def standings(self, project: str) -> dict[tuple[str, str], Standing]:
        """Where rules stand, by rule and subject; those that are missing have nothing to remember."""
        c = alert_standings.c
        with self._engine.connect() as connection:
            rows = connection.execute(select(alert_standings).where(c.project_id == project)).all()
        return {(row.rule, row.subject): Standing(row.alert_id, row.in_row, row.read_us) for row in rows}

    def keep(self, project: str, rule: str, subject: str, standing: Standing) -> None:
        """Note where a rule stands."""
        with writing(self._engine) as connection:
            self._keep(connection, project, rule, subject, standing)

    def open(self, project: str, noticed: Noticed, *, standing: bool = True) -> Alert | None:
        """Open an alert and tell of it; None where one is open already."""
        now = self._clock()
        row: Json = {
            "project_id": project, "id": new_id(now), "rule": noticed.rule, "subject": noticed.subject,
            "severity": noticed.severity, "status": "open", "text": noticed.text, "link": noticed.link,
            "value": noticed.value, "expected": noticed.expected, "samples": noticed.samples, "opened_us": now,
            "ends_us": noticed.ends_us, "told": False, "channels": msgspec.json.encode(list(noticed.channels)).decode(),
        }  # fmt: skip
        with writing(self._engine) as connection:
            made = connection.execute(insert_new(connection, alerts).returning(*alerts.c), row).one_or_none()
            if made is None:
                return None
            if standing:
                self._keep(connection, project, noticed.rule, noticed.subject, Standing(row["id"], 0, now))
            alert = _alert(made)
            self._tell(connection, alert, now)
        return alert

    def opened(self, project: str, rule: str, subject: str) -> str | None:
        """The id of the alert of this rule about this subject that is open."""
        c = alerts.c
        here = (c.project_id == project, c.rule == rule, c.subject == subject, c.status == "open")
        with self._engine.connect() as connection:
            return connection.scalar(select(c.id).where(*here))

    def clear(self, project: str, alert_id: str, text: str) -> None:
        """It is over: say so to those who were told."""
        now = self._clock()
        with writing(self._engine) as connection:
            values = {"status": "cleared", "cleared_us": now}
            changed = update(alerts).where(*_is(project, alert_id), alerts.c.status == "open").values(values)
            row = connection.execute(changed.returning(*alerts.c)).one_or_none()
            gone = (alert_standings.c.project_id == project, alert_standings.c.alert_id == alert_id)
            connection.execute(delete(alert_standings).where(*gone))
            if row is not None and row.told:
                alert = _alert(row)
                self._outbox.put(connection, self._message(alert, now, "alert.cleared", text), alert.channels)

    def tell_late(self, project: str) -> int:
        """Tell of open alerts that were silenced when they began and are no more; returns how many."""
        now, told = self._clock(), 0
        query = select(alerts).where(alerts.c.project_id == project, alerts.c.status == "open", ~alerts.c.told)
        with self._engine.connect() as connection:
            if connection.execute(query.limit(1)).one_or_none() is None:
                return 0
        with writing(self._engine) as connection:
            for row in connection.execute(query).all():
                told += self._tell(connection, _alert(row), now)
        return told

    def end_due(self) -> int:
        """Close the alerts of all projects that end by themselves; returns how many."""
        due = (alerts.c.status == "open", alerts.c.ends_us <= self._clock())
        with self._engine.connect() as connection:
            found = connection.execute(select(alerts.c.project_id, alerts.c.id).where(*due)).all()
        for project, alert_id in found:
            self.clear(project, alert_id, "Its period has ended.")
        return len(found)

    def _keep(self, connection: Connection, project: str, rule: str, subject: str, standing: Standing) -> None:
        c = alert_standings.c
        if standing.is_blank:
            here = (c.project_id == project, c.rule == rule, c.subject == subject)
            connection.execute(delete(alert_standings).where(*here))
            return
        row = {
            "project_id": project, "rule": rule, "subject": subject, "alert_id": standing.alert_id,
            "in_row": standing.row, "read_us": standing.read_us,
        }  # fmt: skip
        connection.execute(upsert(connection, alert_standings), row)

    def _tell(self, connection: Connection, alert: Alert, now: int) -> bool:
        if is_silenced(connection, alert.project_id, alert.rule, alert.subject, now):
            return False
        self._outbox.put(connection, self._message(alert, now, "alert.fired", alert.text), alert.channels)
        connection.execute(update(alerts).where(*_is(alert.project_id, alert.id)).values(told=True))
        return True

    def _message(self, alert: Alert, now: int, event: str, text: str) -> Message:
        over = event == "alert.cleared"
        return Message(
            event=event,
            about=alert.id,
            title=f"{alert.title} is over" if over else alert.title,
            text=text,
            at_us=now,
            project_id=alert.project_id,
            severity=alert.severity,
            link=self._address(alert.link),
            over=over,
            data={
                "rule": alert.rule, "subject": alert.subject, "value": alert.value, "expected": alert.expected,
                "samples": alert.samples, "opened_us": alert.opened_us,
            },
        )  # fmt: skip


def _alert(row: Any) -> Alert:
    values = dict(row._mapping)
    return Alert(**{**values, "channels": tuple(msgspec.json.decode(values["channels"]))})


def _is(project: str, alert_id: str) -> tuple[Any, Any]:
    return alerts.c.project_id == project, alerts.c.id == alert_id
