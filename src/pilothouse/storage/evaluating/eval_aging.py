"""Runs of evaluation and answers that are too old: how many, and letting them go a few hundred rows at a time. Knows
nothing of how long they are to be kept."""

from sqlalchemy import delete, func, select

from pilothouse.storage.database import Store, writing
from pilothouse.storage.statements import among
from pilothouse.storage.tables import eval_answers, eval_outcomes, eval_runs, eval_verdicts

__all__ = ["EvalAging"]

_MOST_ROWS = 500
_R, _O, _V, _A = eval_runs.c, eval_outcomes.c, eval_verdicts.c, eval_answers.c


class EvalAging:
    """Of all projects of a store. Times are UTC microseconds. Blocks on the database."""

    def __init__(self, store: Store) -> None:
        self._engine = store.control

    def counted(self, runs_before: int | None, answers_before: int | None) -> tuple[int, int]:
        """How many runs began, and how many answers were given, before that; None for none."""
        with self._engine.connect() as connection:
            runs, answers = (
                connection.scalar(select(func.count()).select_from(table).where(table.c.created_us < (before or 0)))
                for table, before in ((eval_runs, runs_before), (eval_answers, answers_before))
            )
        return runs or 0, answers or 0

    def forget_run(self, before_us: int) -> tuple[int, int] | None:
        """A step of letting the oldest run go that began before that: (1, 0) once it is gone, (0, outcomes) for a part
        of it, None where there is none."""
        with writing(self._engine) as connection:
            old = select(_R.project_id, _R.id).where(_R.created_us < before_us).order_by(_R.created_us).limit(1)
            run = connection.execute(old).first()
            if run is None:
                return None
            mine = select(_O.project_id, _O.run_id, _O.case_id, _O.trial).where(
                _O.project_id == run.project_id, _O.run_id == run.id
            )
            keys = [tuple(row) for row in connection.execute(mine.limit(_MOST_ROWS))]
            if not keys:
                connection.execute(delete(eval_runs).where(_R.project_id == run.project_id, _R.id == run.id))
                return 1, 0
            for c, table in ((_V, eval_verdicts), (_O, eval_outcomes)):
                these = among(connection, (c.project_id, c.run_id, c.case_id, c.trial), keys)
                connection.execute(delete(table).where(these))
            return 0, len(keys)

    def forget_answers(self, before_us: int) -> int:
        """Let some answers go that were given before that; how many."""
        with writing(self._engine) as connection:
            old = select(_A.project_id, _A.key).where(_A.created_us < before_us).order_by(_A.created_us)
            keys = [tuple(row) for row in connection.execute(old.limit(_MOST_ROWS))]
            if keys:
                connection.execute(delete(eval_answers).where(among(connection, (_A.project_id, _A.key), keys)))
        return len(keys)
