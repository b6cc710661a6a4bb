"""Erases what runs of evaluation kept of a trace or a user: outcomes with their verdicts, and answers. Knows nothing of
who asks.

Under SQLite what was deleted is overwritten in the file.
"""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, Table, and_, delete, select, update
from sqlalchemy.engine import Connection

from pilothouse.storage.database import Store
from pilothouse.storage.engines import overwriting, settle
from pilothouse.storage.statements import among
from pilothouse.storage.tables import eval_answers, eval_outcomes, eval_runs, eval_verdicts

__all__ = ["EvalErasing"]

_O, _V, _A, _R = eval_outcomes.c, eval_verdicts.c, eval_answers.c, eval_runs.c


class EvalErasing:
    """Of a store. Each method says how many outcomes and answers it erased. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.control

    def forget_traces(self, project: str, traces: Sequence[str]) -> int:
        """What came of cases from these traces, or was made in one of them."""
        keys = [(project, trace) for trace in traces if "\0" not in trace]
        if not keys:
            return 0
        with self._engine.connect() as connection:
            mine = [
                (table, among(connection, (table.c.project_id, column), keys))
                for table in (eval_outcomes, eval_answers) for column in (table.c.source_trace, table.c.trace_id)
            ]  # fmt: skip
        return self._forget(project, mine)

    def forget_user(self, project: str, user: str) -> int:
        """What came of cases from traces of this user, named as observe.privacy.erasures.user_hash does."""
        return self._forget(project, [(table, table.c.source_user == user) for table in (eval_outcomes, eval_answers)])

    def made_of(self, project: str, traces: Sequence[str]) -> list[str]:
        """The traces in which runs asked about cases from these traces: they say the same again."""
        keys = [(project, trace) for trace in traces if "\0" not in trace]
        with self._engine.connect() as connection:
            return self._made(connection, project, among(connection, (_O.project_id, _O.source_trace), keys))

    def made_of_user(self, project: str, user: str) -> list[str]:
        """The same for cases from traces of this user."""
        with self._engine.connect() as connection:
            return self._made(connection, project, _O.source_user == user)

    def _made(self, connection: Connection, project: str, which: ColumnElement[bool]) -> list[str]:
        """Those of judges before those of outputs, by which the former are found."""
        same = (_V.project_id == _O.project_id, _V.run_id == _O.run_id, _V.case_id == _O.case_id, _V.trial == _O.trial)
        mine = (_O.project_id == project, which)
        judged = select(_V.trace_id).select_from(eval_outcomes.join(eval_verdicts, and_(*same)))
        found = connection.execute(judged.where(*mine, _V.trace_id.is_not(None))).scalars().all()
        made = connection.execute(select(_O.trace_id).where(*mine, _O.trace_id.is_not(None))).scalars().all()
        return [*dict.fromkeys([*found, *(trace for trace in made if trace is not None)])]

    def _forget(self, project: str, mine: Sequence[tuple[Table, ColumnElement[bool]]]) -> int:
        with self._engine.connect() as connection:
            if not any(connection.execute(_found(project, table, which)).first() for table, which in mine):
                return 0
        with overwriting(self._engine) as connection:
            gone = sum(self._delete(connection, project, table, which) for table, which in mine)
        settle(self._engine)
        return gone

    def _delete(self, connection: Connection, project: str, table: Table, which: ColumnElement[bool]) -> int:
        statement = delete(table).where(table.c.project_id == project, which)
        if table is eval_answers:
            return connection.execute(statement).rowcount
        rows = connection.execute(statement.returning(_O.run_id, _O.case_id, _O.trial)).all()
        keys = [(project, *row) for row in rows]
        columns = (_V.project_id, _V.run_id, _V.case_id, _V.trial)
        connection.execute(delete(eval_verdicts).where(among(connection, columns, keys)))
        for run_id, count in Counter(row.run_id for row in rows).items():
            values = {"done": _R.done - count, "erased": _R.erased + count}
            this = (_R.project_id == project, _R.id == run_id)
            connection.execute(update(eval_runs).where(*this).values(values))
        return len(rows)


def _found(project: str, table: Table, which: ColumnElement[bool]) -> Select[tuple[str]]:
    return select(table.c.project_id).where(table.c.project_id == project, which).limit(1)
