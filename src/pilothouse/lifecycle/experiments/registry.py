"""The experiments of the projects: created, started, stopped, concluded, their winners rolled out; each with its entry
in the audit log. Knows nothing of what is observed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, Row
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from pilothouse.access.audit import Actor, record
from pilothouse.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    PilothouseError,
    PromotionRefused,
    StorageError,
)
from pilothouse.ids import new_id, now_us
from pilothouse.lifecycle.experiments.looking import Look
from pilothouse.lifecycle.experiments.places import placed
from pilothouse.prompts.experiments.book import label_moved
from pilothouse.prompts.experiments.shape import Design, Epoch, Experiment, Outcome, PromptTarget, Status
from pilothouse.prompts.registry import TOPIC, Prompts
from pilothouse.prompts.versions import Pending
from pilothouse.storage.changes import Changes
from pilothouse.storage.database import writing
from pilothouse.storage.prompting import experiment_rows as rows
from pilothouse.types import Json

__all__ = ["Experiments", "actor_of"]

_STOPS = ("breach", "mismatch", "moved", "stopped")
_ACTIONS = {"stopped": "stop", "decided": "decide"}
_DENSE = 0.01  # of the time since the start: looks that lie closer are thinned out
_MOST = 500
_TRIES = 20


def actor_of(experiment: Experiment) -> Actor:
    """Who an experiment is in the audit log, when it acts by itself."""
    return Actor(f"experiment:{experiment.id} ({experiment.name})", "environment")


class Experiments:
    """Blocks on the control database. `knows` says whether there is a model of that name."""

    def __init__(
        self, engine: Engine, prompts: Prompts, knows: Callable[[str], bool], clock: Callable[[], int] = now_us
    ) -> None:
        self._engine = engine
        self._prompts = prompts
        self._knows = knows
        self._clock = clock

    def create(self, project: str, design: Design, *, by: Actor) -> Experiment:
        """A draft. Raises Conflict where there is an experiment of that name."""
        now = self._clock()
        made = Experiment(
            **design.model_dump(), id=new_id(now), project_id=project, author=by.name, created_us=now
        )  # fmt: skip
        told = {"project_id": project, "id": made.id, "name": made.name, "about": made.about, "revision": 0}
        try:
            with writing(self._engine) as connection:
                rows.add(connection, {**told, "created_us": now, **_columns(made)})
                self._note(connection, made, by, "create", design.model_dump(mode="json", exclude_defaults=True))
        except IntegrityError:
            message = f"There is an experiment '{design.name}' already: give this one a name of its own."
            raise Conflict(message, param="name") from None
        return made

    def get(self, project: str, reference: str) -> Experiment:
        """By id or name. Raises NotFound."""
        with self._engine.connect() as connection:
            return _experiment(_need(connection, project, reference))

    def list(
        self, project: str, *, status: Status | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Experiment]:
        """Up to `limit` (500 at most), the newest first, those before the id `before`."""
        limit = max(1, min(_MOST, limit))
        with self._engine.connect() as connection:
            found = rows.page(connection, project, status=status, before=before, limit=limit)
            return [_experiment(row) for row in found]

    def running(self) -> Sequence[Experiment]:
        """Those that calls are asked about, of all projects."""
        with self._engine.connect() as connection:
            return [_experiment(row) for row in rows.serving_rows(connection)]

    def due(self) -> Sequence[Experiment]:
        """Those whose winner is still to be rolled out, or whose end is to be told, of all projects."""
        with self._engine.connect() as connection:
            return [_experiment(row) for row in rows.due_rows(connection)]

    def start(
        self, project: str, reference: str, *, by: Actor, force: bool = False, reason: str = ""
    ) -> Experiment:  # fmt: skip
        """Begin to split. Raises Conflict where it is no draft, another runs on the same target, or its layer has not
        the room; NotFound for versions, labels and models that are not there; PromotionRefused where a version may not
        get the label, which `force`, with a reason, passes over; Forbidden where the label's moves need a second person
        and the draft is one's own."""
        if force and not reason.strip():
            raise InvalidRequest("A start by force needs a reason.", param="reason")
        draft = self.get(project, reference)
        if draft.status != "draft":
            raise Conflict(f"The experiment '{draft.name}' is {draft.status}: only a draft can be started.")
        self._second_person(draft, by)
        versions = self._versions(draft, force)
        with writing(self._engine) as connection:
            Changes.bump(connection, TOPIC)  # before all else: who starts another one waits here
            row = _need(connection, project, draft.id)
            others = [_experiment(other) for other in rows.serving_rows(connection, project)]
            now = self._clock()
            wanted = draft.model_copy(update={
                "status": "running", "started_us": now, "started_by": by.name, "versions": versions,
                "ranges": placed(draft, others),
                "epochs": [Epoch(since_us=now, weights={arm.name: arm.weight for arm in draft.arms})],
            })  # fmt: skip
            started = None if label_moved(connection, wanted) else self._put(connection, row, wanted, draft)
            if started is None:
                raise Conflict(f"The experiment '{draft.name}' or its label was changed just now. Look, and try again.")
            after: Json = {"target": started.about, "versions": versions, "weights": dict(started.weights)}
            told = {"forced": True, "reason": reason} if force else {}
            self._note(connection, started, by, "start", {**after, "layer": draft.layer, **told})
        return started

    def stop(self, project: str, reference: str, *, by: Actor, reason: str = "") -> Experiment:
        """End it by hand: all calls get what they would without it. Raises Conflict where it has ended."""

        def outcome(found: Experiment) -> Outcome:
            if found.status != "draft" and not found.serving:
                raise Conflict(f"The experiment '{found.name}' has ended already: it is {found.status}.")
            said = f"Stopped by hand: {reason}" if reason.strip() else "Stopped by hand."
            return Outcome(kind="stopped", arm=found.control.name, reason=said)

        return self._conclude_by_hand(project, reference, outcome, by)

    def choose(self, project: str, reference: str, arm: str, *, by: Actor, reason: str = "") -> Experiment:
        """Decide by hand for an arm, which is rolled out. Raises Conflict where it does not run, NotFound for the
        arm."""

        def outcome(found: Experiment) -> Outcome:
            if found.status != "running":
                raise Conflict(f"The experiment '{found.name}' is {found.status}: only a running one can be decided.")
            if arm not in [one.name for one in found.arms]:
                known = ", ".join(one.name for one in found.arms)
                raise NotFound(
                    f"The experiment '{found.name}' has no arm '{arm[:64]}'. There are: {known}.", param="arm"
                )
            said = f"'{arm}' was chosen by hand" + (f": {reason}" if reason.strip() else ".")
            other = arm != found.control.name
            return Outcome(kind="chosen", arm=arm, reason=said, action="rollout" if other else "", due=other)

        return self.roll_out(self._conclude_by_hand(project, reference, outcome, by))

    def conclude(self, experiment: Experiment, outcome: Outcome, *, by: Actor | None = None) -> Experiment | None:
        """End it with this outcome; None where it was changed meanwhile. `by` is who did so by hand; what it does by
        itself is still to be told of."""
        told = {"untold": by is None, "by": "" if by is None else by.name}
        with writing(self._engine) as connection:
            row = _need(connection, experiment.project_id, experiment.id)
            status = "stopped" if outcome.kind in _STOPS else "decided"
            made = experiment.model_copy(update={
                "status": status, "ended_us": self._clock(),
                "outcome": experiment.outcome if experiment.status == "decided" else outcome.model_copy(update=told),
            })  # fmt: skip
            ended = self._put(connection, row, made, experiment)
            if ended is None:
                return None
            Changes.bump(connection, TOPIC)
            action = outcome.kind if outcome.kind in ("breach", "mismatch") else _ACTIONS[status]
            after = {"outcome": outcome.kind, "arm": outcome.arm, "reason": outcome.reason, **outcome.numbers}
            self._note(connection, ended, by or actor_of(ended), action, after)
        return ended

    def roll_out(self, experiment: Experiment) -> Experiment:
        """Do what was decided, if it is still to be done: the label moves to the winner, by the registry and what
        guards it, on behalf of the person for whom it acts. What stands against it is noted, and the control stays.
        Doing it again changes nothing."""
        outcome = experiment.outcome
        if outcome is None or not outcome.due:
            return experiment
        note, done = self._rolled_out(experiment, outcome)
        action = outcome.action if done else ""
        made = experiment.model_copy(update={
            "outcome": outcome.model_copy(update={"due": False, "note": note, "action": action})
        })  # fmt: skip
        with writing(self._engine) as connection:
            row = _need(connection, experiment.project_id, experiment.id)
            ended = self._put(connection, row, made, experiment)
            if ended is None:
                return _experiment(row)
            Changes.bump(connection, TOPIC)
            after = {"arm": outcome.arm, "done": done, "note": note}
            self._note(connection, ended, actor_of(ended), "rollout", after)
        return ended

    def told(self, experiment: Experiment) -> Experiment:
        """An alert of its end was raised, or is not wanted. Where it was changed meanwhile it stays to be told."""
        outcome = experiment.outcome
        if outcome is None or not outcome.untold:
            return experiment
        made = experiment.model_copy(update={"outcome": outcome.model_copy(update={"untold": False})})
        with writing(self._engine) as connection:
            row = _need(connection, experiment.project_id, experiment.id)
            return self._put(connection, row, made, experiment) or _experiment(row)

    def keep(self, experiment: Experiment, look: Look, changed: Json, told: Json | None = None) -> Experiment | None:
        """Keep a look, and what it changed of the experiment; None where that was changed meanwhile. `told` is noted in
        the audit log, as a breach that somebody is to look after."""
        with writing(self._engine) as connection:
            row = _need(connection, experiment.project_id, experiment.id)
            kept: Experiment | None = experiment if row.revision == experiment.revision else None
            if changed and kept is not None:
                kept = self._put(connection, row, experiment.model_copy(update=changed), experiment)
            if kept is None:
                return None
            self._add_look(connection, experiment, look)
            if "epochs" in changed:
                Changes.bump(connection, TOPIC)
            if told is not None:
                self._note(connection, kept, actor_of(kept), "breach", told)
        return kept

    def looks(self, project: str, reference: str, *, after_us: int = 0, limit: int = 2000) -> Sequence[Look]:
        """Looks in their order, those after that time (UTC microseconds)."""
        with self._engine.connect() as connection:
            found = _need(connection, project, reference)
            kept = rows.look_rows(connection, project, found.id, after_us, limit)
            return [msgspec.json.decode(row.body, type=Look) for row in kept]

    def last_look(self, project: str, reference: str) -> Look | None:
        """The newest look, None where there was none yet."""
        with self._engine.connect() as connection:
            kept = rows.last_looks(connection, project, _need(connection, project, reference).id, 1)
            return msgspec.json.decode(kept[0].body, type=Look) if kept else None

    def moved(self, experiment: Experiment) -> bool:
        """Whether its label was moved by somebody else."""
        with self._engine.connect() as connection:
            return label_moved(connection, experiment)

    def _conclude_by_hand(
        self, project: str, reference: str, outcome: Callable[[Experiment], Outcome], by: Actor
    ) -> Experiment:
        for _ in range(_TRIES):  # a look may change it at the same time
            found = self.get(project, reference)
            ended = self.conclude(found, outcome(found), by=by)
            if ended is not None:
                return ended
        raise Conflict(f"The experiment '{reference[:64]}' is being changed all the time. Try again.")

    def _second_person(self, draft: Experiment, by: Actor) -> None:
        target = draft.target
        mine = by.name.partition(" (")[0] == draft.author.partition(" (")[0]  # without the name shown beside
        if not mine or not isinstance(target, PromptTarget):
            return
        if self._prompts.guard.approvals(draft.project_id, target.prompt, target.label) > 0:
            raise Forbidden(
                f"The label '{target.label}' of '{target.prompt}' needs a second person: another one than who wrote "
                f"the experiment '{draft.name}' must start it."
            )

    def _versions(self, draft: Experiment, force: bool) -> dict[str, int]:
        """The version of each arm. Raises where one, or a model, is not there, or may not get the label."""
        for model in [arm.model for arm in draft.arms if arm.model is not None]:
            if not self._knows(model):
                raise NotFound(f"There is no model '{model}' in the configuration.", param="arms")
        target, project = draft.target, draft.project_id
        if not isinstance(target, PromptTarget):
            if not self._knows(target.model):
                raise NotFound(f"There is no model '{target.model}' in the configuration.", param="target")
            return {}
        standing = self._prompts.get(project, target.prompt, label=target.label).number
        if draft.control.version not in (None, standing):
            raise Conflict(
                f"The control is version {draft.control.version}, but the label '{target.label}' of '{target.prompt}' "
                f"points to {standing}: the control is what the label points to. Leave its version out.", param="arms",
            )  # fmt: skip
        versions = {arm.name: arm.version or standing for arm in draft.arms}
        for version in sorted(set(versions.values()) - {standing}):
            self._prompts.get(project, target.prompt, version=version)
            reasons = self._prompts.guard.check(project, target.prompt, version, target.label, standing)
            if reasons and not force:
                message = f"Version {version} of '{target.prompt}' may not get calls of '{target.label}'."
                raise PromotionRefused(message, reasons)
        return versions

    def _rolled_out(self, experiment: Experiment, outcome: Outcome) -> tuple[str, bool]:
        """What came of it, and whether all calls get the winner now."""
        target, arm = experiment.target, experiment.arm(outcome.arm)
        if arm.model is not None:
            return f"All calls of {experiment.about} get '{arm.name}' until the experiment is stopped.", True
        assert isinstance(target, PromptTarget)  # an arm of a model's experiment has a model
        project, version = experiment.project_id, experiment.versions[arm.name]
        try:
            if self._points_to(project, target, version):
                return f"The label '{target.label}' points to version {version}.", True
            made = self._prompts.promote(
                project, target.prompt, version, target.label, by=actor_of(experiment), reason=outcome.reason,
                expected=experiment.versions[experiment.control.name], behalf=experiment.behalf,
            )  # fmt: skip
        except StorageError:
            raise
        except PilothouseError as error:
            if self._points_to(project, target, version):  # another process was quicker
                return f"The label '{target.label}' points to version {version}.", True
            return f"The label '{target.label}' stays as it is: {error.message}", False
        if isinstance(made, Pending):
            return f"Another person must agree that '{target.label}' moves to {version}: request {made.id}.", False
        return f"The label '{target.label}' was moved to version {version}.", True

    def _points_to(self, project: str, target: PromptTarget, version: int) -> bool:
        try:
            return self._prompts.get(project, target.prompt, label=target.label).number == version
        except NotFound:
            return False

    def _put(
        self, connection: Connection, row: Row[Any], made: Experiment, before: Experiment
    ) -> Experiment | None:  # fmt: skip
        """Keep what was made from `before`; None where that was changed meanwhile."""
        if not rows.change(connection, row.project_id, row.id, before.revision, _columns(made)):
            return None
        return made.model_copy(update={"revision": before.revision + 1})

    def _add_look(self, connection: Connection, experiment: Experiment, look: Look) -> None:
        last = rows.last_looks(connection, experiment.project_id, experiment.id, 2)
        since = _DENSE * (look.at_us - (experiment.started_us or look.at_us))
        if last and (last[0].at_us >= look.at_us or (len(last) == 2 and last[0].at_us - last[1].at_us < since)):
            rows.drop_look(connection, experiment.project_id, experiment.id, last[0].at_us)
        rows.add_look(connection, {
            "project_id": experiment.project_id, "experiment_id": experiment.id, "at_us": look.at_us,
            "body": msgspec.json.encode(look).decode(),
        })  # fmt: skip

    def _note(self, connection: Connection, experiment: Experiment, by: Actor, action: str, after: Json) -> None:
        subject = f"experiment:{experiment.id}"
        about = {"name": experiment.name, **after}
        record(connection, by, f"experiment.{action}", subject, project_id=experiment.project_id, after=about)


def _columns(experiment: Experiment) -> dict[str, Any]:
    return {
        "status": experiment.status, "serving": experiment.serving, "body": experiment.model_dump_json(),
        "due": experiment.outcome is not None and (experiment.outcome.due or experiment.outcome.untold),
    }  # fmt: skip


def _need(connection: Connection, project: str, reference: str) -> Row[Any]:
    plain = reference.replace("\0", "")
    found = rows.one(connection, project, plain) or rows.by_name(connection, project, plain)
    if found is None:
        raise NotFound(f"There is no experiment '{plain[:64]}' in this project.", param="experiment")
    return found


def _experiment(row: Row[Any]) -> Experiment:
    return Experiment.read(row.body, row.revision)
