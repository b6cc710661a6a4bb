"""Answers of models that were paid for, by a hash of all that they depend on. Knows nothing of how that hash is made.

Two writers of the same answer do no harm: the first one stays.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.storage.database import Store, writing
from pilothouse.storage.statements import add_new, among
from pilothouse.storage.tables import eval_answers

__all__ = ["AnswerRow", "EvalAnswers", "KeptAnswer", "source_of_row"]

AnswerRow = tuple[str, str, str | None, str | None, str | None, str | None, int | None, int, bytes]
_AT_ONCE = 500
_A = eval_answers.c
_NAMES = (
    "project_id", "key", "run_id", "trace_id", "source_trace", "source_user", "cost_nano", "created_us", "body",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What a model answered: `body` is JSON, `latency_us` how long it took. `cost_nano` is what `run_id` paid for it in
    the trace `trace_id`, None where that is unknown. `source_trace` and `source_user` are those of the case."""

    body: Any
    latency_us: int
    cost_nano: int | None = 0
    run_id: str | None = None
    trace_id: str | None = None
    source_trace: str | None = None
    source_user: str | None = None


class EvalAnswers:
    """Of a store. Blocks on the database. `clock` gives microseconds."""

    def __init__(self, store: Store, clock: Callable[[], int] = now_us) -> None:
        self._store = store
        self._clock = clock

    def get(self, project: str, keys: Iterable[str]) -> dict[str, KeptAnswer]:
        """Those that are kept, by key. Raises StorageError for one that cannot be read."""
        wanted, found = [*keys], dict[str, KeptAnswer]()
        for first in range(0, len(wanted), _AT_ONCE):
            some = [(project, key) for key in wanted[first : first + _AT_ONCE]]
            with self._store.control.connect() as connection:
                rows = connection.execute(select(eval_answers).where(among(connection, (_A.project_id, _A.key), some)))
                found |= {row.key: self._read(row) for row in rows}
        return found

    def known(self, project: str, keys: Iterable[str]) -> set[str]:
        """Which of these keys have an answer."""
        wanted, found = [*keys], set[str]()
        for first in range(0, len(wanted), _AT_ONCE):
            some = [(project, key) for key in wanted[first : first + _AT_ONCE]]
            with self._store.control.connect() as connection:
                these = among(connection, (_A.project_id, _A.key), some)
                found |= {*connection.execute(select(_A.key).where(these)).scalars()}
        return found

    def put(self, project: str, answers: Mapping[str, KeptAnswer]) -> None:
        """Keep answers by key, in one transaction. One that is there stays as it is. Raises TypeError, ValueError for
        a body that is no JSON."""
        self.put_rows([self.row(project, key, answer) for key, answer in answers.items()])

    def put_rows(self, rows: Sequence[AnswerRow]) -> None:
        """The same of rows that `row` made, of any project."""
        with writing(self._store.control) as connection:
            add_new(connection, eval_answers.name, _NAMES, rows)

    def row(self, project: str, key: str, answer: KeptAnswer) -> AnswerRow:
        """An answer as it lies in the database, packed and sealed. Raises TypeError, ValueError for what is no JSON."""
        body = self._store.packer.pack({"body": answer.body, "latency_us": answer.latency_us}, project, key)
        return (
            project, key, answer.run_id, answer.trace_id, answer.source_trace, answer.source_user, answer.cost_nano,
            self._clock(), body,
        )  # fmt: skip

    def _read(self, row: Row[Any]) -> KeptAnswer:
        try:
            told = self._store.packer.unpack(row.body, row.project_id, row.key)
        except ValueError as error:
            raise StorageError(f"The kept answer '{row.key}' cannot be read: {error}.") from None
        return KeptAnswer(
            body=told["body"], latency_us=told["latency_us"], cost_nano=row.cost_nano, run_id=row.run_id,
            trace_id=row.trace_id, source_trace=row.source_trace, source_user=row.source_user,
        )  # fmt: skip


def source_of_row(row: AnswerRow) -> tuple[str | None, str | None]:
    """The trace and the user that the case of an answer came from."""
    return row[4], row[5]
