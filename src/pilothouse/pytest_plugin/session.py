"""What a process of pytest evaluates with: the models that evaluators may ask, made when one first needs them.

Evaluators run on a loop of their own in a thread, so that tests may be sync or async and no two loops meet. A judge is
a model of the platform of PILOTHOUSE_HOME, which runs in this process; what it was asked before it is not asked again.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

from pilothouse.background import Loop
from pilothouse.call import Call
from pilothouse.cases import Case, Verdict
from pilothouse.errors import PilothouseError
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.ids import new_id
from pilothouse.principal import EMBEDDED
from pilothouse.settings import Settings
from pilothouse.testing.record import new_call

if TYPE_CHECKING:
    from pilothouse.app import Platform
    from pilothouse.evals.runs.book import AnswerBook
    from pilothouse.evals.runs.remembered import Remembered
    from pilothouse.evals.runs.turns import Turn

__all__ = ["Session", "demand_project"]

_AT_ONCE = 8  # calls


@dataclass(frozen=True, slots=True)
class _Rooms:
    """Of the platform, and of the answers that are kept for the next session."""

    platform: "Platform"
    book: "AnswerBook"
    remembered: "Remembered"


class Session:
    """`judge` is who judges where a test names nobody, `project` whose calls that are. Judges may cost `most_usd` in
    this process. With `fresh` no answer of another session is used."""

    def __init__(
        self, judge: str | None, project: str = "default", *, most_usd: float | None = None, fresh: bool = False
    ) -> None:
        self.judge = judge
        self._project = project
        self._most_nano = None if most_usd is None else round(most_usd * 1e9)
        self._id, self._fresh = new_id(), fresh
        self._loop = Loop()
        self._stack = ExitStack()
        self._rooms: _Rooms | None = None

    def lacking(self, evaluators: Sequence[Evaluator], judge: str | None) -> str:
        """Why some of these cannot judge here, in a sentence; empty where all can."""
        named = judge or self.judge
        mute = [one.name for one in evaluators if "judge" in one.needs and not (named or _own(one))]
        if not mute:
            return ""
        return f"No judge model is set for {', '.join(mute)}: name one by --eval-judge, in the mark, or as its model."

    def verdicts(
        self, case: Case, evaluators: Sequence[Evaluator], judge: str | None = None, *, place: str = "", trial: int = 0
    ) -> list[Verdict]:
        """What they say of it, in their order. `place` names the case among all, for the traces in which judges are
        asked. Raises what would stop a run, such as a spent budget."""
        return self._loop.run(self._all(case, evaluators, judge or self.judge, place, trial))

    def close(self) -> None:
        """End what was begun."""
        if self._rooms is not None:
            self._loop.run(self._rooms.book.aclose())
            self._loop.run(self._rooms.platform.stop())
        self._stack.close()
        self._loop.close()

    async def _all(
        self, case: Case, evaluators: Sequence[Evaluator], judge: str | None, place: str, trial: int
    ) -> list[Verdict]:
        return await asyncio.gather(*(self._verdict(one, case, judge, place, trial) for one in evaluators))

    async def _verdict(self, evaluator: Evaluator, case: Case, judge: str | None, place: str, trial: int) -> Verdict:
        if not (evaluator.needs & {"judge", "encoder"} or getattr(evaluator, "unit", "") == "tokens"):
            return await evaluator.evaluate(case, Models(make_call=new_call))
        from pilothouse.evals.runs.turns import Turn, trace_of  # noqa: PLC0415 - with the platform

        rooms = self._open()
        turn = Turn(trace_id=trace_of(self._id, place, trial, evaluator.name), trial=trial)
        models = Models(
            make_call=partial(self._call, turn), chat=rooms.remembered.of(turn), judge=judge,
            encode=rooms.platform.encode,
        )  # fmt: skip
        verdict = await evaluator.evaluate(case, models)
        return msgspec.structs.replace(verdict, cost_nano=turn.paid_nano if turn.calls else verdict.cost_nano)

    def _call(self, turn: "Turn") -> Call:
        recorder = self._open().platform.recorder
        return Call(recorder, EMBEDDED, self._project, turn.trace_id, request_id=f"eval_{turn.trace_id}")

    def _open(self) -> _Rooms:
        if self._rooms is None:
            from pilothouse.app import build  # noqa: PLC0415 - takes a second, and rules do without
            from pilothouse.evals.runs.book import AnswerBook  # noqa: PLC0415
            from pilothouse.evals.runs.remembered import Remembered  # noqa: PLC0415
            from pilothouse.evals.runs.rooms import rooms_of  # noqa: PLC0415
            from pilothouse.evals.runs.throttle import Throttle  # noqa: PLC0415

            platform = self._stack.enter_context(build(Settings.from_env()))
            rooms = rooms_of(platform, self._project)
            book = AnswerBook(rooms.store, rooms.home, self._project, self._id)
            throttle = Throttle(_AT_ONCE, cap_nano=self._most_nano)
            salt = self._id if self._fresh else ""
            remembered = Remembered(rooms.chat, book, throttle, self._id, rooms.fingerprint, salt)
            self._rooms = _Rooms(platform, book, remembered)
        return self._rooms


def demand_project(project: str, settings: Settings | None = None) -> None:
    """Raises pytest.UsageError where the platform of this home has no such project."""
    from pilothouse.access import Tenants  # noqa: PLC0415 - only --eval-project needs it
    from pilothouse.storage import open_store  # noqa: PLC0415

    try:
        with closing(open_store(settings or Settings.from_env())) as store:
            Tenants(store.control).get("project", project)
    except PilothouseError as error:
        raise pytest.UsageError(f"--eval-project: {error.message}") from None


def _own(evaluator: Evaluator) -> bool:
    """Whether it names its judges itself."""
    return bool(getattr(evaluator, "model", None) or getattr(evaluator, "models", None))
