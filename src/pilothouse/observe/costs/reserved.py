"""Reservations of calls that still run, or that a crash left behind, as rows that tell what such a call may cost.

Knows nothing of budgets; `charges` makes ledger entries of what nobody settled.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import ColumnElement, RowMapping, and_, select, update
from sqlalchemy.engine import Connection

from pilothouse.call import Progress, Reservation
from pilothouse.observe.costs.charges import Charge, enter, of_orphan
from pilothouse.storage.statements import among
from pilothouse.storage.tables import insert_new, reservations

__all__ = ["LOST_AFTER_US", "OpenCall", "charge_expired", "charge_spool", "forget", "keep", "note_progress", "opened"]

LOST_AFTER_US = 3_600_000_000
"""How long after a reservation's end it counts as lost (an hour): until then its host may only be slow."""


class OpenCall(msgspec.Struct, array_like=True):
    """The body of a row: what was reserved, and what was recorded of the output since."""

    reservation: Reservation
    progress: Progress | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(OpenCall).decode

Place = tuple[str, str]
"""(project_id, id)."""


def keep(connection: Connection, spool: str, calls: Iterable[OpenCall]) -> None:
    """Remember calls whose settlement is not there yet."""
    rows = [
        {
            "project_id": call.reservation.project_id, "id": call.reservation.id, "spool": spool,
            "at_us": call.reservation.at_us, "expires_us": call.reservation.expires_us, "body": _encode(call),
        }
        for call in calls
    ]  # fmt: skip
    if rows:
        connection.execute(insert_new(connection, reservations), rows)


def note_progress(connection: Connection, newest: Mapping[Place, Progress]) -> None:
    """Write the newest progress of calls that are remembered; others have ended."""
    for row in _rows(connection, newest):
        call = OpenCall(_decode(row["body"]).reservation, newest[row["project_id"], row["id"]])
        place = and_(reservations.c.project_id == row["project_id"], reservations.c.id == row["id"])
        connection.execute(update(reservations).where(place).values(body=_encode(call)))


def forget(connection: Connection, places: Iterable[Place]) -> None:
    """Drop the rows of calls that are settled."""
    some = list(places)
    if some:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        connection.exec_driver_sql(f"DELETE FROM reservations WHERE project_id = {mark} AND id = {mark}", some)


def charge_spool(connection: Connection, spool: str) -> list[Charge]:
    """Charge what a process that is gone left open; to be called once its spool is empty."""
    return _charge(connection, reservations.c.spool == spool, "The process ended during the call")


def charge_expired(connection: Connection, now_us: int) -> list[Charge]:
    """Charge what is long past its end: its host, and the spool on it, are lost."""
    return _charge(connection, reservations.c.expires_us < now_us - LOST_AFTER_US, "Nothing was heard of the call")


def opened(connection: Connection, project_id: str | None = None) -> list[OpenCall]:
    """Every call that is remembered as running, oldest first."""
    query = select(reservations.c.body).order_by(reservations.c.at_us)
    if project_id is not None:
        query = query.where(reservations.c.project_id == project_id)
    return [_decode(body) for body in connection.execute(query).scalars()]


def _charge(connection: Connection, where: ColumnElement[bool], why: str) -> list[Charge]:
    query = select(reservations.c.project_id, reservations.c.id, reservations.c.body).where(where)
    if connection.dialect.name != "sqlite":  # two hosts may look for the same lost one at once
        query = query.with_for_update(skip_locked=True)
    rows = connection.execute(query).mappings().all()
    calls = [_decode(row["body"]) for row in rows]
    charges = enter(connection, [of_orphan(call.reservation, call.progress, why) for call in calls])
    forget(connection, [(row["project_id"], row["id"]) for row in rows])
    return charges


def _rows(connection: Connection, places: Iterable[Place]) -> Sequence[RowMapping]:
    wanted = list(places)
    if not wanted:
        return []
    query = select(reservations).where(among(connection, (reservations.c.project_id, reservations.c.id), wanted))
    return connection.execute(query).mappings().all()
