"""Labels of prompts: moved, rolled back and taken away, where a second person must agree with their consent.

Each change is one transaction with its entry in the audit log, and noticed everywhere. The moves of a label are one
chain that the database numbers and lets nobody rewrite.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Engine, Row
from sqlalchemy.engine import Connection

from pilothouse.access.audit import Actor, record
from pilothouse.errors import Conflict, Forbidden, InvalidRequest, NotFound, PromotionRefused
from pilothouse.ids import new_id, now_us
from pilothouse.prompts.guarding import OPEN, Protection
from pilothouse.prompts.inclusions import check_inclusions
from pilothouse.prompts.reading import MOST, need_prompt, need_version, version_of
from pilothouse.prompts.versions import (
    LATEST,
    PRODUCTION,
    Move,
    Pending,
    PendingStatus,
    Reference,
    Version,
    check_label,
)
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.prompting import move_rows
from pilothouse.storage.statements import storable
from pilothouse.types import Json

__all__ = ["TOPIC", "Labels", "movable"]

TOPIC = "prompts"
"""What other processes are told by when a prompt or a label changed."""

_TRIES = 50
_MOVE = tuple(Move.__dataclass_fields__)
_PENDING = tuple(Pending.__dataclass_fields__)


class Labels:
    """The labels of the prompts of a control database. Every method blocks on it. `clock` gives UTC microseconds.

    `guard` says what protects labels; it may be set later, by who knows more.
    """

    def __init__(self, engine: Engine, guard: Protection = OPEN, clock: Callable[[], int] = now_us) -> None:
        self.guard = guard
        self._engine = engine
        self._clock = clock

    def promote(
        self, project: str, name: str, version: int, target: str = PRODUCTION, *, by: Actor, reason: str = "",
        force: bool = False, expected: int | None = None, behalf: str = "",
    ) -> Move | Pending:  # fmt: skip
        """Let the label `target` point to this version; where it does already, that is the last move again.

        Where another person must agree it waits, as Pending. `expected` is the version that the label points to as far
        as the caller knows, 0 for none. `behalf` names the actor for whom `by` acts: it is they who ask, so that it is
        another one who must agree. `force` passes over the guard's reasons, which the audit log then has, not over
        the second person, and needs a reason. Raises PromotionRefused, NotFound, Conflict where the label is not as
        expected or the prompt is archived, and InvalidRequest.
        """
        label = movable(target)
        if force and not reason.strip():
            raise InvalidRequest("A promotion by force needs a reason.", param="reason")
        for _ in range(_TRIES):
            last = self._last(project, name, label, version)
            at = 0 if last is None else last.number
            standing = None if last is None else last.version
            if expected is not None and (standing or 0) != expected:
                raise Conflict(_moved(name, label, standing, expected), param="expected")
            if last is not None and standing == version:
                return _move(last)
            against = self.guard.check(project, name, version, label, standing)
            if against and not force:
                raise _refused(name, version, label, against)
            waits = self.guard.approvals(project, name, label) > 0
            with writing(self._engine) as connection:
                need_prompt(connection, project, name, live=True, lock=True)
                last = move_rows.last_move(connection, project, name, label)
                if (0 if last is None else last.number) != at and (self.guard is not OPEN or expected is not None):
                    continue  # what was found out above is about a label that stood elsewhere
                if last is not None and last.version == version:
                    return _move(last)
                told = {"actor": by.name, "reason": storable(reason), "forced": bool(against)}
                self._can_render(connection, project, name, version, label)
                if waits:
                    told["actor"] = behalf or by.name
                    return self._ask(connection, project, name, version, label, last, by, told)
                return self._move(connection, project, name, version, label, last, by, told, against)
        raise Conflict(f"The label '{label}' of '{name}' is being moved all the time. Try again.")

    def rollback(
        self, project: str, name: str, target: str = PRODUCTION, *, by: Actor, reason: str = "",
        expected: int | None = None,
    ) -> Move:  # fmt: skip
        """Let the label point to what it pointed to before; again, to what it pointed to before that, and so on.

        It asks no guard: what it returns to was let through before. `expected` as in `promote`. Raises NotFound, and
        Conflict where there is nothing before.
        """
        label = movable(target)
        with writing(self._engine) as connection:
            need_prompt(connection, project, name, live=True, lock=True)
            last = move_rows.last_move(connection, project, name, label)
            standing = None if last is None else last.version
            if expected is not None and (standing or 0) != expected:
                raise Conflict(_moved(name, label, standing, expected), param="expected")
            if last is None:
                raise Conflict(f"The label '{label}' of '{name}' was never moved: there is nothing to return to.")
            if last.back is None:
                raise Conflict(f"The label '{label}' of '{name}' pointed to nothing before version {last.version}.")
            there = move_rows.move_of(connection, project, name, label, last.back)
            self._can_render(connection, project, name, there.version, label)
            told = {"actor": by.name, "reason": storable(reason), "kind": "rollback", "back": there.back}
            return self._move(connection, project, name, there.version, label, last, by, told)

    def unlabel(self, project: str, name: str, label: str, *, by: Actor, reason: str = "") -> Move:
        """Take the label away; a rollback brings it back. Raises NotFound where the prompt does not have it, and
        PromotionRefused where another person would have to agree to a move."""
        label = movable(label)
        if self.guard.approvals(project, name, label):
            why = "Nobody moves it alone: promote another version, or take the rule out of prompts.protected first."
            raise PromotionRefused(f"The label '{label}' of '{name}' cannot be taken away.", [why])
        with writing(self._engine) as connection:
            need_prompt(connection, project, name, lock=True)
            last = move_rows.last_move(connection, project, name, label)
            if last is None or last.version is None:
                raise NotFound(f"The prompt '{name}' has no label '{label}'.", param="label")
            told = {"actor": by.name, "reason": storable(reason), "kind": "unlabel", "back": last.number}
            return self._move(connection, project, name, None, label, last, by, told)

    def history(
        self, project: str, name: str, label: str | None = None, *, before: str | None = None, limit: int = 50
    ) -> Sequence[Move]:
        """Up to `limit` (500 at most) moves, the newest first; `before` is the id of the last one of the page before.
        Raises NotFound."""
        with self._engine.connect() as connection:
            need_prompt(connection, project, name)
            wanted = None if label is None else storable(label)
            rows = move_rows.move_rows(
                connection, project, name, wanted, before=_cursor(before), limit=_bounded(limit)
            )  # fmt: skip
        return [_move(row) for row in rows]

    def labels(self, project: str, name: str) -> dict[str, Move]:
        """Of each label, but `latest`, the move that brought it where it points now. Raises NotFound."""
        with self._engine.connect() as connection:
            need_prompt(connection, project, name)
            return {row.label: _move(row) for row in move_rows.standing_rows(connection, project, name)}

    def pending(
        self, project: str, name: str | None = None, *, status: PendingStatus | None = "pending",
        before: str | None = None, limit: int = 50,
    ) -> Sequence[Pending]:  # fmt: skip
        """Promotions that wait for a second person, those of this `status` (of any with None); the newest first."""
        with self._engine.connect() as connection:
            rows = move_rows.request_rows(
                connection,
                project,
                name=None if name is None else storable(name),
                status=status,
                before=_cursor(before),
                limit=_bounded(limit),
            )
        return [_pending(row) for row in rows]

    def request(self, project: str, request: str) -> Pending:
        """The promotion of this id that waits, or waited. Raises NotFound."""
        with self._engine.connect() as connection:
            return _pending(_need_request(connection, project, request))

    def approve(self, project: str, request: str, *, by: Actor, note: str = "") -> Move:
        """Agree, as another person than who asked: the label moves. The guard is asked again, except where the request
        is by force. Raises NotFound, Forbidden for who asked, PromotionRefused, and Conflict where it waits no more."""
        asked = self.request(project, request)
        if _who(asked.actor) == _who(by.name):
            raise Forbidden("You asked for this promotion yourself: another person must agree.")
        _waiting(asked)
        against = self.guard.check(project, asked.name, asked.version, asked.label, asked.before)
        if against and not asked.forced:
            raise _refused(asked.name, asked.version, asked.label, against)
        with writing(self._engine) as connection:
            need_prompt(connection, project, asked.name, live=True, lock=True)
            _waiting(_pending(_need_request(connection, project, request)))  # so the label stands as it did then
            last = move_rows.last_move(connection, project, asked.name, asked.label)
            self._can_render(connection, project, asked.name, asked.version, asked.label)
            self._decide(connection, project, asked, "approved", by, note)
            told = {"actor": asked.actor, "reason": asked.reason, "forced": asked.forced, "approved_by": by.name}
            return self._move(connection, project, asked.name, asked.version, asked.label, last, by, told, against)

    def reject(self, project: str, request: str, *, by: Actor, note: str = "") -> Pending:
        """Disagree, or take back what one asked for oneself. Raises NotFound, and Conflict where it waits no more."""
        asked = self.request(project, request)
        with writing(self._engine) as connection:
            need_prompt(connection, project, asked.name, lock=True)
            asked = _pending(_need_request(connection, project, request))
            _waiting(asked)
            self._decide(connection, project, asked, "rejected", by, note)
            return _pending(_need_request(connection, project, request))

    def _last(self, project: str, name: str, label: str, version: int) -> Row[Any] | None:
        with self._engine.connect() as connection:
            need_prompt(connection, project, name, live=True)
            need_version(connection, project, name, version)
            return move_rows.last_move(connection, project, name, label)

    def _can_render(self, connection: Connection, project: str, name: str, version: int, label: str) -> None:
        """Raises InvalidRequest where the prompt could not be put together with this version under the label."""

        def find(reference: Reference) -> Version:
            return version_of(connection, project, reference)

        check_inclusions(name, need_version(connection, project, name, version).content, find, complete=True)

    def _move(
        self, connection: Connection, project: str, name: str, version: int | None, label: str, last: Row[Any] | None,
        by: Actor, told: Json, against: Sequence[str] = (),
    ) -> Move:  # fmt: skip
        """Add a move after `last`, with the entry of the audit log, which says what was `against` it. The caller holds
        the lock of the prompt."""
        now = self._clock()
        made = Move(**{
            "id": new_id(now), "name": name, "label": label, "number": 1 if last is None else last.number + 1,
            "version": version, "before": None if last is None else last.version, "kind": "promote",
            "back": _back(last), "forced": False, "at_us": now, **told,
        })  # fmt: skip
        move_rows.add_move(connection, {"project_id": project, **asdict(made)})
        move_rows.outdate(connection, project, name, label, now)
        action = f"prompt.{made.kind}{'.forced' if made.forced else ''}"
        shown = ("version", "number", "reason", "approved_by") if made.approved_by else ("version", "number", "reason")
        after = {"label": label, **{field: getattr(made, field) for field in shown}}
        after |= {"asked_by": made.actor} if made.approved_by else {}
        after |= {"against": [*against]} if made.forced else {}
        before = {"label": label, "version": made.before}
        record(connection, by, action, f"prompt:{name}", project_id=project, before=before, after=after)
        Changes.bump(connection, TOPIC)
        return made

    def _ask(
        self, connection: Connection, project: str, name: str, version: int, label: str, last: Row[Any] | None,
        by: Actor, told: Json,
    ) -> Pending:  # fmt: skip
        """Let it wait for a second person; what waits already is asked for once."""
        waits = move_rows.pending_row(connection, project, name, label, version, told["forced"])
        if waits is not None:
            return _pending(waits)
        now = self._clock()
        before = None if last is None else last.version
        made = Pending(new_id(now), name, label, version, before, status="pending", created_us=now, **told)
        row = {"project_id": project, "move": 0 if last is None else last.number, **asdict(made)}
        move_rows.add_request(connection, row)
        after = {"label": label, "version": version, "request": made.id, "reason": made.reason, "forced": made.forced}
        after |= {} if made.actor == by.name else {"asked_by": made.actor}
        record(connection, by, "prompt.request", f"prompt:{name}", project_id=project, after=after)
        Changes.bump(connection, TOPIC)
        return made

    def _decide(
        self, connection: Connection, project: str, asked: Pending, status: PendingStatus, by: Actor, note: str
    ) -> None:
        values = {"status": status, "decided_us": self._clock(), "decided_by": by.name, "note": storable(note)}
        move_rows.change_request(connection, project, asked.id, values)
        action = "prompt.approve" if status == "approved" else "prompt.reject"
        after = {"label": asked.label, "version": asked.version, "request": asked.id, "note": values["note"]}
        record(connection, by, action, f"prompt:{asked.name}", project_id=project, after=after)
        Changes.bump(connection, TOPIC)


def movable(label: str) -> str:
    """The label, where somebody may move it. Raises InvalidRequest."""
    if check_label(label) == LATEST:
        raise InvalidRequest("'latest' is the newest version by itself: it cannot be moved.", param="label")
    return label


def _refused(name: str, version: int, label: str, reasons: Sequence[str]) -> PromotionRefused:
    return PromotionRefused(f"Version {version} of '{name}' may not become '{label}'.", reasons)


def _back(last: Row[Any] | None) -> int | None:
    """Where a rollback of the next move leads: to this one, or where this took the label away, to what was there."""
    if last is None:
        return None
    return int(last.number) if last.version is not None else last.back


def _moved(name: str, label: str, standing: int | None, expected: int) -> str:
    now = f"points to version {standing}" if standing else "points to no version"
    return f"The label '{label}' of '{name}' {now} by now, not to {expected or 'none'}. Look at its history."


def _who(actor: str) -> str:
    """The key or the person, without the name that is shown beside."""
    return actor.partition(" (")[0]


def _waiting(asked: Pending) -> None:
    if asked.status != "pending":
        told = {"approved": "was approved", "rejected": "was rejected"}.get(asked.status, "is out of date")
        moved = " The label was moved since it was asked for: ask again." if asked.status == "stale" else ""
        raise Conflict(f"The request {asked.id} {told}.{moved}")


def _need_request(connection: Connection, project: str, request: str) -> Row[Any]:
    found = move_rows.request_row(connection, project, request) if request.isalnum() and request.isascii() else None
    if found is None:
        raise NotFound(f"There is no request '{request[:64]}' for a promotion.", param="request")
    return found


def _cursor(before: str | None) -> str | None:
    return None if before is None else storable(before)


def _bounded(limit: int) -> int:
    return max(1, min(MOST, limit))


def _move(row: Row[Any]) -> Move:
    return Move(**{name: getattr(row, name) for name in _MOVE})


def _pending(row: Row[Any]) -> Pending:
    return Pending(**{name: getattr(row, name) for name in _PENDING})
