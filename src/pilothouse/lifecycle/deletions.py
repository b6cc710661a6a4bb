"""Deleting what is kept of a user or a trace, with the entry in the audit log. Knows nothing of what is kept where."""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, astuple

from pilothouse.access import Actor, Audit
from pilothouse.errors import InvalidRequest
from pilothouse.observe.privacy.erasing import Erased, Erasing, Hook
from pilothouse.observe.privacy.erasures import user_hash
from pilothouse.storage import Store
from pilothouse.storage.evaluating.dataset_erasing import DatasetErasing
from pilothouse.storage.evaluating.eval_erasing import EvalErasing
from pilothouse.storage.evaluating.review_erasing import ReviewErasing

__all__ = ["DELETED", "Deletions"]

DELETED = "traces.delete"
"""The action of a deletion; its subject is `trace:` and the id, or `user:` and the SHA-256 of the user's."""
_TRACE = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Deletions:
    """In a store, with the items of datasets and reviews that came of it, and what runs of evaluation made of those:
    outcomes, answers, and the traces in which they asked. `hooks` reach what else was made of traces. Blocks on the
    database."""

    def __init__(self, store: Store, hooks: Sequence[Hook] = ()) -> None:
        self._evals = EvalErasing(store)
        self._erasing = Erasing(store, (DatasetErasing(store), ReviewErasing(store), self._evals, *hooks))
        self._audit = Audit(store.control)

    def user(self, by: Actor, project: str, user_id: str) -> Erased:
        """Everything of a user. The log names them by a hash: it is never deleted."""
        made = self._made(project, self._evals.made_of_user(project, user_hash(user_id)))
        erased = _sum(made, self._erasing.user(project, user_id))
        self._audit.note(by, DELETED, f"user:{user_hash(user_id)}", project_id=project, after=asdict(erased))
        return erased

    def traces_of(self, project: str, user_id: str, most: int) -> int:
        """How many traces are the user's own, `most` at the most: some of what `user` would delete."""
        return self._erasing.traces_of(project, user_id, most)

    def trace(self, by: Actor, project: str, trace_id: str) -> Erased:
        """One trace. Raises InvalidRequest for what is no whole id."""
        if not _TRACE.fullmatch(trace_id):
            raise InvalidRequest(f"'{trace_id[:64]}' is not the id of a trace.", param="trace")
        made = self._made(project, self._evals.made_of(project, [trace_id]))
        erased = _sum(made, self._erasing.trace(project, trace_id))
        self._audit.note(by, DELETED, f"trace:{trace_id}", project_id=project, after=asdict(erased))
        return erased

    def _made(self, project: str, traces: Sequence[str]) -> Erased:
        """Erase the traces in which runs asked about what is to go, and those that were made of them in turn. They go
        first, so that a deletion which was cut off finds its way again."""
        erased, waiting, seen = Erased(), deque(traces), set(traces)
        while waiting:
            trace = waiting.popleft()
            waiting += (more := [one for one in self._evals.made_of(project, [trace]) if one not in seen])
            seen.update(more)
            erased = _sum(erased, self._erasing.trace(project, trace))
        return erased


def _sum(one: Erased, other: Erased) -> Erased:
    return Erased(*(mine + theirs for mine, theirs in zip(astuple(one), astuple(other), strict=True)))
