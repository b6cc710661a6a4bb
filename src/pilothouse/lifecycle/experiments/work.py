"""Looks at the experiments that run, decides, and acts: what one process does for all while a server runs.

Whatever it decides is kept before it is acted on, so that a process that dies leaves nothing half done that the next
one would not end.
"""

import asyncio
import logging
import time
from collections.abc import Callable

import numpy as np

from pilothouse.errors import StorageError
from pilothouse.ids import now_us
from pilothouse.lifecycle.experiments.deciding import breaches, outcome_of
from pilothouse.lifecycle.experiments.looking import Look, look_at, new_weights
from pilothouse.lifecycle.experiments.observations import Seen, needed, seen
from pilothouse.lifecycle.experiments.registry import Experiments
from pilothouse.lifecycle.experiments.telling import Teller
from pilothouse.observe.unit_calls import unit_calls
from pilothouse.prompts.experiments.shape import Epoch, Experiment, Outcome
from pilothouse.storage import Store
from pilothouse.storage.turns import Turn
from pilothouse.types import Json

__all__ = ["ExperimentWork"]

_OFTEN = 10.0  # seconds between looks
_SPARED = 20  # times as long as a look took, until the same experiment is looked at again
_EPOCH_US = 60_000_000  # for which weights stay at least, and for a twentieth of the time since the start
_IN_EPOCH = 5  # units of each arm that an epoch has at least, or it would tell nothing
_log = logging.getLogger(__name__)


class ExperimentWork:
    """Blocks on the databases, but for `run`. Times are UTC microseconds."""

    def __init__(
        self, experiments: Experiments, store: Store, turn: Turn, clock: Callable[[], int] = now_us,
        teller: Teller | None = None,
    ) -> None:  # fmt: skip
        self._experiments = experiments
        self._store = store
        self._turn = turn
        self._clock = clock
        self._teller = teller
        self._rests: dict[str, float] = {}  # by id, when the next look may be (monotonic seconds)

    async def run(self) -> None:
        """Never ends by itself."""
        await self._turn.serve(self.tick, again=_OFTEN, failing="Experiments are not looked at", logger=_log)

    async def tick(self) -> float:
        """Look at each experiment that runs, if this process has the turn. In how many seconds to do so again. What
        goes wrong with one keeps no other from its guardrails: it is raised at the end."""
        wrong: list[Exception] = []

        async def do(step: Callable[[Experiment], Experiment], experiment: Experiment) -> None:
            try:
                await asyncio.to_thread(step, experiment)
            except StorageError:
                raise
            except Exception as error:  # noqa: BLE001 - raised at the end
                error.add_note(f"at the experiment '{experiment.name}' of the project '{experiment.project_id}'")
                wrong.append(error)

        if await asyncio.to_thread(self._turn.take):
            for experiment in await asyncio.to_thread(self._experiments.due):
                await do(self._finish, experiment)
            running = await asyncio.to_thread(self._experiments.running)
            self._rests = {one.id: self._rests.get(one.id, 0.0) for one in running}
            for experiment in running:
                began = time.monotonic()
                if began >= self._rests[experiment.id]:
                    await do(self._look_at, experiment)
                    now = time.monotonic()
                    self._rests[experiment.id] = now + _SPARED * (now - began)
                    await asyncio.to_thread(self._turn.take)
        if wrong:
            raise wrong[0]
        return _OFTEN

    def look(self, project: str, reference: str) -> Experiment:
        """Look at one now, and decide if it is decided. Raises NotFound."""
        found = self._experiments.get(project, reference)
        return self._look_at(found) if found.serving or found.status == "running" else found

    def _look_at(self, experiment: Experiment) -> Experiment:
        project, identifier = experiment.project_id, experiment.id
        if self._experiments.moved(experiment):
            reason = f"The label of {experiment.about} was moved by somebody else, so what was compared is gone."
            outcome = Outcome(kind="moved", arm=experiment.control.name, reason=reason)
            ended = self._experiments.conclude(experiment, outcome)
            return self._experiments.get(project, identifier) if ended is None else self._finish(ended)
        if experiment.status != "running":
            return experiment
        calls = unit_calls(self._store, project, identifier, *needed(experiment))
        found = seen(experiment, calls)
        look, scales = look_at(experiment, found, self._clock())
        outcome_now = outcome_of(experiment, look)
        changed: Json = {} if scales == experiment.scales else {"scales": scales}
        if outcome_now is None:
            changed |= self._reweighed(experiment, found, look.at_us)
        told = _new_breaches(experiment, look)
        if told and self._teller is not None:  # first: an alert that was raised is not raised again
            self._teller.broken(experiment, told)
        if told:
            changed["told"] = [*experiment.told, *told]
        kept = self._experiments.keep(experiment, look, changed, {"guardrails": told} if told else None)
        if kept is not None and outcome_now is not None:
            kept = self._experiments.conclude(kept, outcome_now)
        if kept is None:
            return self._experiments.get(project, identifier)
        return kept if outcome_now is None else self._finish(kept)

    def _finish(self, ended: Experiment) -> Experiment:
        """Roll the winner out, if that is to be done, and tell how it ended, if nobody did so by hand."""
        ended = self._experiments.roll_out(ended)
        if self._teller is not None and ended.outcome is not None and ended.outcome.untold:
            self._teller.ended(ended)
        return self._experiments.told(ended)

    def _reweighed(self, experiment: Experiment, found: Seen, now: int) -> Json:
        """A new epoch, where Thompson sampling asks for other weights and the last one has told something."""
        if experiment.allocation != "thompson" or experiment.started_us is None:
            return {}
        lasted = now - experiment.epochs[-1].since_us
        if lasted < max(_EPOCH_US, (now - experiment.started_us) // 20):
            return {}
        if min(found.units[arm.name][-1] for arm in experiment.arms) < _IN_EPOCH:
            return {}
        random = np.random.default_rng([int(experiment.id, 16) % 2**64, len(experiment.epochs)])
        weights = new_weights(experiment, found, random)
        return {} if weights is None else {"epochs": [*experiment.epochs, Epoch(since_us=now, weights=weights)]}


def _new_breaches(experiment: Experiment, look: Look) -> list[str]:
    """Guardrails that broke and were not told of yet, where a person is to decide about it."""
    if experiment.act.guardrail != "tell":
        return []
    broken = [f"{one.metric} of '{one.arm}'" for one in breaches(look)]
    return [one for one in broken if one not in experiment.told]
