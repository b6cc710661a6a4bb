"""Asks each deployment when it is due, holds the answers against those of before and tells of a change, in one process
of all that share a database. Knows nothing of figures.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from pilothouse.alerts.book import Book
from pilothouse.call import Call
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Conflict, NotFound, PilothouseError, StorageError
from pilothouse.ids import new_id
from pilothouse.lifecycle.scoring.rules import made
from pilothouse.lifecycle.scoring.sampling import Marked
from pilothouse.lifecycle.scoring.scorer import Tools
from pilothouse.lifecycle.sentinel.answers import Run
from pilothouse.lifecycle.sentinel.asking import Asker
from pilothouse.lifecycle.sentinel.course import Course, Example, Status, examples_of, take
from pilothouse.lifecycle.sentinel.kept import Kept, Reading, State
from pilothouse.lifecycle.sentinel.plan import Golden, Target, goldens, plan_of, targets
from pilothouse.lifecycle.sentinel.standing import PURPOSE, next_run_us
from pilothouse.lifecycle.sentinel.telling import noticed
from pilothouse.scoring import SentinelConfig
from pilothouse.storage import Store
from pilothouse.storage.cron import Cron
from pilothouse.storage.turns import Turn

__all__ = ["Ran", "SentinelWork", "check_sentinel"]

_OFTEN, _AGAIN, _BEAT = 10.0, 60.0, 15.0  # seconds
_LEAST_ANSWERED = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a deployment's run; `error` says why it counts for nothing."""

    deployment: str
    status: Status
    runs: int
    evidence: float
    error: str | None = None


class SentinelWork:
    """`run` for as long as the process serves. `encoder` gives the fingerprint of the encoder that is here, None where
    there is none; `config` what serves now."""

    def __init__(
        self, store: Store, kept: Kept, book: Book, tools: Tools, turn: Turn, config: Callable[[], Config],
        encoder: Callable[[], str | None], clock: Callable[[], int],
    ) -> None:  # fmt: skip
        self._store = store
        self._kept = kept
        self._book = book
        self._tools = tools
        self._turn = turn
        self._config = config
        self._encoder = encoder
        self._clock = clock
        self._any = True  # something may be known of deployments

    async def run(self) -> None:
        """Never ends by itself."""

        await self._turn.serve(self.look, again=_AGAIN, failing="Golden calls are not made", logger=_log)

    async def look(self) -> float:
        """What is due by the schedule. Of a sentinel that is configured no more nothing stays. In how many seconds to
        look again."""
        sentinel = self._config().evals.sentinel
        if sentinel is not None and sentinel.enabled:
            await self.tick()
        elif sentinel is None and self._any and await asyncio.to_thread(self._turn.take):
            await self._forget_others(None, set())
        return _OFTEN

    async def tick(self, *, now: bool = False, only: str | None = None) -> list[Ran]:
        """Ask the deployments that are due; with `now` all, or the one that is named. Raises Conflict where another
        process is at it and `now` was said, NotFound where no deployment is `only`."""
        config = self._config()
        sentinel = config.evals.sentinel
        if sentinel is None:
            raise NotFound("There is no sentinel: see evals.sentinel in the configuration.")
        there = targets(config, sentinel.models)
        chosen = [one for one in there if only in (None, one.id)]
        if not chosen:
            known = ", ".join(one.id for one in there) or "none"
            raise NotFound(f"The sentinel asks no deployment '{only}'. There are: {known}.")
        if not await asyncio.to_thread(self._turn.take):
            if now:
                raise Conflict("A server makes golden calls now, and one process does it for all. Try again later.")
            return []
        if only is None:
            await self._forget_others(sentinel.project, {one.id for one in there})
        states = {s.deployment: s for s in await asyncio.to_thread(self._kept.states, sentinel.project)}
        at = self._clock()
        due = [
            one for one in chosen
            if now or one.id not in states or next_run_us(sentinel, states[one.id].run_us) <= at
        ]  # fmt: skip
        try:
            return await self._ask_all(config, sentinel, due, states) if due else []
        finally:
            if now:
                await asyncio.to_thread(self._turn.end)

    async def _ask_all(
        self, config: Config, sentinel: SentinelConfig, due: list[Target], states: dict[str, State]
    ) -> list[Ran]:
        work = asyncio.ensure_future(self._one_after_another(config, sentinel, due, states))
        try:
            while not (await asyncio.wait([work], timeout=_BEAT))[0]:
                await asyncio.to_thread(self._turn.take)
            return work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)

    async def _one_after_another(
        self, config: Config, sentinel: SentinelConfig, due: list[Target], states: dict[str, State]
    ) -> list[Ran]:
        encoder = await asyncio.to_thread(self._encoder) if "meaning" in sentinel.watch else None
        ran = []
        try:
            asked = await asyncio.to_thread(goldens, sentinel, self._store)
            asker = self._asker(sentinel, encoder is not None)
            await self._tools.budgets.renew(self._call(sentinel))
        except StorageError:
            raise
        except PilothouseError as error:
            return [await self._failed(sentinel, one, states.get(one.id), "", error.message) for one in due]
        for target in due:
            plan = plan_of(config, sentinel, target, asked, encoder)
            state = await self._begun(sentinel, target, plan, states.get(target.id))
            ran.append(await self._ask(config, sentinel, target, asked, asker, state))
        return ran

    async def _ask(
        self, config: Config, sentinel: SentinelConfig, target: Target, asked: list[Golden], asker: Asker, state: State
    ) -> Ran:
        at = self._clock()
        try:
            run = Run(at_us=at, answers=await asker.ask(target, asked))
        except StorageError:
            raise
        except PilothouseError as error:
            return await self._failed(sentinel, target, state, state.plan, error.message)
        if len(run.answered) < _LEAST_ANSWERED * len(run.answers):
            errors = [one.error for one in run.answers.values() if one.error]
            told = f"{len(errors)} of {len(run.answers)} calls failed: {errors[0]}"
            return await self._failed(sentinel, target, state, state.plan, told)
        current = await asyncio.to_thread(self._kept.state, sentinel.project, target.id)
        state = current if current is not None and current.plan == state.plan else state  # accepted meanwhile
        course = state.course
        references = await asyncio.to_thread(self._kept.runs, sentinel.project, target.id, course.reference)
        course.error, before = None, course.change
        limit = float(sentinel.false_alarms)
        status = await asyncio.to_thread(
            take, course, run, references, sentinel.baseline, sentinel.watch, limit
        )  # fmt: skip
        examples = examples_of(run, references) if course.change is not None and before is None else []
        await asyncio.to_thread(self._tell, config, sentinel, target, course, examples)
        after = replace(state, status=status, run_us=at, course=course)
        await asyncio.to_thread(self._kept.put, after, Reading(run, course.evidence))
        return Ran(target.id, status, course.runs, course.evidence)

    def _tell(
        self, config: Config, sentinel: SentinelConfig, target: Target, course: Course, examples: list[Example]
    ) -> None:  # fmt: skip
        """Open the alert of a change that has none, or end that of one that is over."""
        if course.change is not None and course.alert_id is None and config.alerts.enabled:
            what = noticed(
                target.id, course.change, course.runs, config.alerts, float(sentinel.false_alarms), examples,
                texts=not sentinel.dataset,
            )  # fmt: skip
            alert = self._book.open(sentinel.project, what, standing=False)
            course.alert_id = None if alert is None else alert.id
        elif course.change is None and course.alert_id is not None:
            self._book.clear(sentinel.project, course.alert_id, "It answers as before again.")
            course.alert_id = None

    async def _begun(self, sentinel: SentinelConfig, target: Target, plan: str, state: State | None) -> State:
        """The state to go on from: a new one where something was changed on purpose."""
        if state is not None and state.plan == plan:
            return state
        if state is not None and state.course.alert_id is not None:
            alert_id = state.course.alert_id
            told = "The configuration was changed: a new baseline begins."
            await asyncio.to_thread(self._book.clear, sentinel.project, alert_id, told)
        return State(sentinel.project, target.id, plan, "learning", self._clock(), 0, Course())

    async def _failed(
        self, sentinel: SentinelConfig, target: Target, state: State | None, plan: str, why: str
    ) -> Ran:  # fmt: skip
        """A run that tells nothing; the next one comes by the schedule."""
        at = self._clock()
        known = state or State(sentinel.project, target.id, plan, "learning", at, 0, Course())
        known.course.error = why
        await asyncio.to_thread(self._kept.put, replace(known, run_us=at))
        _log.warning("Golden calls to %s told nothing: %s", target.id, why)
        return Ran(target.id, known.status, known.course.runs, known.course.evidence, why)

    async def _forget_others(self, project: str | None, there: set[str]) -> None:
        """What is known of deployments that are asked no more."""
        self._any = project is not None
        for state in await asyncio.to_thread(self._kept.states, None):
            if state.project_id != project or state.deployment not in there:
                alert_id, told = state.course.alert_id, "The deployment is asked no more."
                if alert_id is not None:
                    await asyncio.to_thread(self._book.clear, state.project_id, alert_id, told)
                await asyncio.to_thread(self._kept.drop, state.project_id, state.deployment)

    def _asker(self, sentinel: SentinelConfig, embeds: bool) -> Asker:
        evaluators = made(sentinel.evaluators, "evals.sentinel.evaluators")
        encode = self._tools.encode if embeds else None
        return Asker(
            self._tools.chat, encode, lambda: self._call(sentinel), sentinel.params, sentinel.concurrency, evaluators,
            sentinel.judge,
        )  # fmt: skip

    def _call(self, sentinel: SentinelConfig) -> Call:
        payer = self._tools.payers.principal(sentinel.project, PURPOSE, sentinel.usd_per_day, sentinel.key)
        principal, trace = replace(payer, policy=replace(payer.policy, cache=False)), new_id()
        return Call(
            Marked(self._tools.recorder, PURPOSE), principal, sentinel.project, trace, request_id=f"eval_{trace}",
            key_id=principal.key_id or None, degradable=False,
        )  # fmt: skip


def check_sentinel(config: Config) -> None:
    """Raises ConfigError where the schedule or an evaluator of the sentinel cannot be read."""
    sentinel = config.evals.sentinel
    if sentinel is None:
        return
    made(sentinel.evaluators, "evals.sentinel.evaluators")
    try:
        Cron.parse(sentinel.schedule)
    except PilothouseError as error:
        raise ConfigError(f"evals.sentinel.schedule: {error.message}", param="evals.sentinel.schedule") from None
