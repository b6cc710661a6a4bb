"""What a run of the red team is to do, and the run that comes of it: a run of evaluation, with attacks as its cases.

So it is paced, paid for within a budget, cancelled, gone on with after a kill and kept as any other run. Answers of
other runs are never used: a guard that came meanwhile would not be seen.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from pilothouse.errors import ConfigError, Conflict
from pilothouse.evals.runs.prepare import Given, Prepared, created, prepare, prepare_again
from pilothouse.evals.runs.remembered import PROMPT
from pilothouse.evals.runs.rooms import Rooms, rooms_of
from pilothouse.evals.runs.suite import suite_of
from pilothouse.ids import content_hash
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.redteam.building import Choice, attacks, chosen
from pilothouse.redteam.shapes import Attack, case_of
from pilothouse.redteam.targets import HttpChat, Target, function_for, target_of
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.types import Json

if TYPE_CHECKING:
    from pilothouse.app import Platform

__all__ = ["Order", "again", "begin", "check", "is_redteam", "order_in", "plan", "redteam_runs", "release"]

_SUITE = "redteam"
_ORDER, _GUARDS, _LEFT_OUT = "redteam", "guards", "left_out"
_TASK = "pilothouse.redteam.targets:function_for"
_SLICES = ("metadata.class", "metadata.mutator")


class Order(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`target` as `target_of` reads it, which attacks, and how: at most `concurrency` at once, for at most
    `max_cost_usd`, each `trials` times. `max_tokens` bounds each answer, 0 leaves that to the model."""

    target: str
    model: str | None = None
    key: str | None = None
    variable: str | None = None
    choice: Choice = Choice()
    trials: int = 1
    concurrency: int = 8
    max_cost_usd: float | None = None
    max_tokens: int = 800

    @property
    def made(self) -> Target:
        """Raises ConfigError for what is no target."""
        params = {"max_tokens": self.max_tokens} if self.max_tokens else {}
        return target_of(self.target, model=self.model, key=self.key, variable=self.variable, params=params)


def plan(order: Order) -> tuple[list[Attack], int]:
    """The attacks that mean anything to the target, and how many do not. Raises ConfigError."""
    target, made = order.made, attacks(msgspec.structs.replace(order.choice, limit=None))
    taken = [one for one in made if target.takes(one)]
    hostile = chosen([one for one in taken if one.goal.kind != "answer"], order.choice.limit)
    return [*hostile, *(one for one in taken if one.goal.kind == "answer")], len(made) - len(taken)


async def check(platform: "Platform", project: str, order: Order, principal: Principal = EMBEDDED) -> None:
    """Raises UnknownModel or NotFound where the target is not there; of addresses and functions nothing is known
    before they are asked. On the loop that the gateway serves on."""
    target = order.made
    named = {"corpus": f"rag:{target.name}", "prompt": f"{PROMPT}{target.name}", "model": target.name}
    name = named.get(target.kind, target.name if target.kind == "agent" else None)
    if name is not None:
        await rooms_of(platform, project, principal).fingerprint(name)


async def begin(
    platform: "Platform", project: str, order: Order, *, name: str | None = None, principal: Principal = EMBEDDED,
    metadata: dict[str, str] | None = None,
) -> tuple[Rooms, Run, Prepared]:  # fmt: skip
    """A new run, ready to be worked off (`evals.runs.evaluate.work`). Raises ConfigError. Blocks on the database."""
    taken, left_out = plan(order)
    if not taken:
        raise ConfigError(f"None of the attacks chosen means anything to '{order.target}'.", param="classes")
    rooms, told = _rooms(platform, project, order, principal), msgspec.json.encode(order).decode()
    about = {_ORDER: told, _GUARDS: _guards(platform, order.made), _LEFT_OUT: str(left_out)}
    written = suite_of({
        "suite": _SUITE, "task": {"python": _TASK}, "evaluators": ["attack_success", "harmless_stopped"],
        "trials": order.trials, "concurrency": order.concurrency, "slices": list(_SLICES), "metadata": about,
        **({} if order.max_cost_usd is None else {"max_cost_usd": order.max_cost_usd}),
    })  # fmt: skip
    prepared = await prepare(rooms, project, written, _given(order, taken), fresh=True)
    run = created(rooms.runs, project, prepared, name or f"redteam {order.made}"[:256], dict(metadata or {}))
    return rooms, run, prepared


async def again(
    platform: "Platform", project: str, run: Run, *, principal: Principal = EMBEDDED, max_cost_usd: float | None = None
) -> tuple[Rooms, Prepared]:  # fmt: skip
    """What a run that was stopped needs to go on. Raises Conflict where the guards or the attacks are others now."""
    order = order_in(run)
    if run.metadata.get(_GUARDS) != _guards(platform, order.made):
        raise Conflict(f"The guards are others than when '{run.name}' began: start a new run, and compare the two.")
    rooms = _rooms(platform, project, order, principal)
    prepared = await prepare_again(rooms, project, run, _given(order, plan(order)[0]), max_cost_usd=max_cost_usd)
    return rooms, prepared


async def release(rooms: Rooms) -> None:
    """Close what a run held open, on the loop that it ran on."""
    if isinstance(rooms.chat, HttpChat):
        await rooms.chat.aclose()


def redteam_runs(runs: EvalRuns, project: str, limit: int = 50, before: str | None = None) -> list[Run]:
    """Runs of the red team, the newest first; those older than the run with the id `before`."""
    return [run for run in runs.list(project, suite=_SUITE, limit=limit, before=before).runs if is_redteam(run)]


def is_redteam(run: Run) -> bool:
    """Whether it is a run of the red team."""
    return run.suite == _SUITE and _ORDER in run.metadata


def order_in(run: Run) -> Order:
    """What a run was to do. Raises Conflict for one that is none of the red team."""
    try:
        return msgspec.json.decode(run.metadata.get(_ORDER, ""), type=Order)
    except (msgspec.DecodeError, TypeError):
        raise Conflict(f"'{run.name}' is no run of the red team.") from None


def _given(order: Order, taken: Sequence[Attack]) -> Given:
    return Given(cases=[case_of(one) for one in taken], function=function_for(order.made))


def _rooms(platform: "Platform", project: str, order: Order, principal: Principal) -> Rooms:
    rooms, target = rooms_of(platform, project, principal), order.made
    if target.kind != "url":
        return rooms

    async def fingerprint(model: str) -> str:
        return content_hash([target.name, model])

    return replace(rooms, chat=HttpChat(target), fingerprint=fingerprint)


def _guards(platform: "Platform", target: Target) -> str:
    """A hash of what says which guards look at a target: policies, the default, those of its alias; of every alias
    where others may stand behind it. Those of an address are not known here."""
    config = platform.snapshot.config
    names = [target.name] if target.kind in ("model", "agent") else sorted(config.models)
    by_alias = [config.models[name].guards for name in names if name in config.models and config.models[name].guards]
    told: Json = {"guards": config.guards.model_dump(mode="json"), "models": by_alias}
    return content_hash(told)
