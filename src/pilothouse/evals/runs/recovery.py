"""What killed processes had been answered and had not brought to the database yet: brought there."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pilothouse.evals.runs.book import Answered, Begun, folder
from pilothouse.observe.privacy.erasures import erased_traces, erased_users
from pilothouse.storage import Cursor, Store, orphans
from pilothouse.storage.evaluating.eval_answers import EvalAnswers, source_of_row
from pilothouse.storage.evaluating.eval_erasing import EvalErasing

__all__ = ["forget_erased", "take_over"]

_AT_ONCE = 500
_decode = msgspec.msgpack.Decoder(Begun | Answered).decode


def take_over(store: Store, home: Path) -> dict[tuple[str, str], int]:
    """Empty the spools of answers of processes of this home that are gone. By project and run, how many questions had
    been asked of which the answer was not there: a vendor may bill them, and they are asked again. Blocks on the
    database; raises StorageError."""
    answers, lost = EvalAnswers(store), dict[tuple[str, str], int]()
    for orphan in orphans(folder(home)):
        done, open_keys, cursor = False, defaultdict[tuple[str, str], set[str]](set), Cursor()
        try:
            while True:
                records, after = orphan.read(cursor, _AT_ONCE)
                if after == cursor:
                    break
                told = [_decode(record) for record in records]
                rows = [one.row for one in told if isinstance(one, Answered)]
                answers.put_rows(rows)
                for project in {one.project for one in told}:
                    forget_erased(store, project, [source_of_row(row) for row in rows if row[0] == project])
                for one in told:
                    of_run = open_keys[one.project, one.run_id]
                    of_run.discard(one.key) if isinstance(one, Answered) else of_run.add(one.key)
                cursor = after
            done = True
        finally:
            orphan.remove() if done else orphan.release()
        for run, keys in open_keys.items():
            lost[run] = lost.get(run, 0) + len(keys)
    return {run: count for run, count in lost.items() if count}


def forget_erased(store: Store, project: str, sources: Iterable[tuple[str | None, str | None]]) -> int:
    """Erase what a run kept of cases from traces and users (see eval_outcomes.source_of) that were deleted while it
    worked or waited; how much that was. Whoever deletes them from now on finds it by himself."""
    told = {*sources}
    traces, users = ({pair[place] for pair in told} - {None} for place in (0, 1))
    if not traces and not users:
        return 0
    with store.observe.connect() as connection:
        gone = erased_traces(connection, project, sorted(map(str, traces)))
        left = erased_users(connection, project, sorted(map(str, users)))
    erasing = EvalErasing(store)
    return erasing.forget_traces(project, gone) + sum(erasing.forget_user(project, user) for user in left)
