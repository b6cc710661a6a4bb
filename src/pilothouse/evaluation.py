"""Evaluation from Python, in the platform of PILOTHOUSE_HOME.

from pilothouse import evaluate

result = evaluate(lambda case: my_app(case.input), "support", ["exact", "llm_judge"], judge="default")
print(result)
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pilothouse.app import Platform, build
from pilothouse.call import DEFAULT_PROJECT, Call
from pilothouse.cases import Outcome, Verdict
from pilothouse.cli.evals.shown import shown_told
from pilothouse.errors import ConfigError
from pilothouse.evals.judges.rubric import evaluate_response as judge_response
from pilothouse.evals.registry import Evaluators
from pilothouse.evals.reports.gates import GateResult
from pilothouse.evals.reports.summary import Summary
from pilothouse.evals.reports.told import Told
from pilothouse.evals.runs.evaluate import run_suite
from pilothouse.evals.runs.origin import origin
from pilothouse.evals.runs.prepare import Given, case_from
from pilothouse.evals.runs.rooms import rooms_of
from pilothouse.evals.runs.suite import Written, suite_of
from pilothouse.evals.shapes import Evaluator, Models
from pilothouse.settings import Settings
from pilothouse.storage.evaluating.eval_runs import Run
from pilothouse.types import Json

__all__ = ["Result", "evaluate", "evaluate_async", "evaluate_response", "evaluate_response_sync"]

Task = str | Mapping[str, Any] | Callable[..., Any] | None
_FILES = (".jsonl", ".ndjson", ".json", ".csv", ".parquet")
_PASSED_ON = (
    "kind", "split", "limit", "judge_agreement", "concurrency", "rate", "max_cost_usd", "answer_tokens", "baseline",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a run: `outcomes` by case, `told` all that there is to say of it, `run` as it is kept. As a text, it
    is what the command line shows."""

    run: Run
    told: Told
    outcomes: Sequence[Outcome]

    @property
    def summary(self) -> Summary:
        return self.told.summary

    @property
    def gates(self) -> Sequence[GateResult]:
        return self.told.gates

    @property
    def passed(self) -> bool:
        """Whether the run is done and every gate held."""
        return self.told.complete and not self.told.failed

    def __str__(self) -> str:
        return "\n".join(shown_told(self.told))


def evaluate(
    task: Task, data: str | Path | Iterable[Any], evaluators: Sequence[str | Mapping[str, Any] | Evaluator], *,
    judge: str | None = None, trials: int = 1, name: str | None = None, suite: str | None = None,
    gates: Sequence[str] = (), slices: Sequence[str] = (), metadata: Mapping[str, str] | None = None,
    project: str = DEFAULT_PROJECT, settings: Settings | None = None, fresh: bool = False,
    progress: Callable[[int, int, int], object] | None = None, **bounds: Any,
) -> Result:  # fmt: skip
    """Run a task over cases, have evaluators judge it, and keep that as a run.

    `task` is a function of a case (and, where it takes a second argument, of something to ask models with), a model's
    name, a map as a suite's `task`, or None where the data has the outputs. `data` are cases, objects with `input` or
    mere inputs; a data file; or the name of a dataset, `name@version`. `evaluators` are names, maps with `use` and
    options, or evaluators. `bounds` are further keys of a suite: limit, split, concurrency, rate, max_cost_usd,
    baseline, kind. `progress` hears how many of how many outcomes are there, and what is spent (nano-USD).

    The same call again asks only what changed, also after it was interrupted. Raises ConfigError and InvalidRequest
    for what cannot be, before anything is asked. Not from a running event loop: there is `evaluate_async`.
    """
    return asyncio.run(
        evaluate_async(
            task, data, evaluators, judge=judge, trials=trials, name=name, suite=suite, gates=gates, slices=slices,
            metadata=metadata, project=project, settings=settings, fresh=fresh, progress=progress, **bounds,
        )
    )  # fmt: skip


async def evaluate_async(
    task: Task, data: str | Path | Iterable[Any], evaluators: Sequence[str | Mapping[str, Any] | Evaluator], *,
    judge: str | None = None, trials: int = 1, name: str | None = None, suite: str | None = None,
    gates: Sequence[str] = (), slices: Sequence[str] = (), metadata: Mapping[str, str] | None = None,
    project: str = DEFAULT_PROJECT, settings: Settings | None = None, fresh: bool = False,
    progress: Callable[[int, int, int], object] | None = None, **bounds: Any,
) -> Result:  # fmt: skip
    """`evaluate` in the running event loop: async functions are awaited there."""
    if data is None:
        raise ConfigError(
            "evaluate() needs data: cases, inputs, a data file, or the name of a dataset. None is none of them.",
            param="data",
        )
    if strange := sorted(set(bounds) - set(_PASSED_ON)):
        raise ConfigError(f"evaluate() takes no '{strange[0]}'; there are {', '.join(_PASSED_ON)}.", param=strange[0])
    made = {
        "suite": suite or name or "python", "task": _task(task), "evaluators": [_used(one) for one in evaluators],
        "trials": trials, "gates": [*gates], "slices": [*slices], **({} if judge is None else {"judge": judge}),
        **{key: value for key, value in bounds.items() if value is not None}, **_data(data),
    }  # fmt: skip
    written = suite_of(made, Path.cwd())
    given = Given(
        None if _data(data) else [case_from(one, number) for number, one in enumerate(data, 1)],  # type: ignore[arg-type]
        _made(written, evaluators), task if callable(task) else None,
    )  # fmt: skip
    async with _platform(settings, project) as platform:
        rooms = rooms_of(platform, project)
        told = {**origin(Path.cwd()), **dict(metadata or {})}
        heard = progress or (lambda done, total, nano: None)
        ended = await run_suite(
            rooms, project, written, given, name=name, metadata=told, fresh=fresh, heard=heard
        )  # fmt: skip
        outcomes = await asyncio.to_thread(lambda: [*rooms.runs.each(project, ended.run.id)])
    return Result(ended.run, ended.told, outcomes)


async def evaluate_response(
    question: str, context: Sequence[str] | str, response: str, judge_model: str, *,
    project: str = DEFAULT_PROJECT, settings: Settings | None = None,
) -> Verdict:  # fmt: skip
    """One answer scored by a judge from 1 to 5 for faithfulness, relevance, completeness and clarity, with explanations
    (`detail["scores"]`). Without context there is no faithfulness. Raises UnknownModel and what else stops a run."""
    async with _platform(settings, project) as platform:

        def call() -> Call:
            return Call(platform.recorder, project_id=project, endpoint="evals")

        models = Models(make_call=call, chat=platform.gateway.chat, judge=judge_model, encode=platform.encode)
        return await judge_response(question, context, response, models=models)


def evaluate_response_sync(
    question: str, context: Sequence[str] | str, response: str, judge_model: str, *,
    project: str = DEFAULT_PROJECT, settings: Settings | None = None,
) -> Verdict:  # fmt: skip
    """The same where nothing is awaited: not from a running event loop."""
    return asyncio.run(
        evaluate_response(question, context, response, judge_model, project=project, settings=settings)
    )  # fmt: skip


@asynccontextmanager
async def _platform(settings: Settings | None, project: str) -> AsyncIterator[Platform]:
    """The platform of a home, for work on this loop. Raises NotFound for a project that it does not have."""
    with build(settings or Settings.from_env()) as platform:
        try:
            platform.tenants.get("project", project)
            yield platform
        finally:
            await platform.close_rooms()


def _task(task: Task) -> Json:
    if task is None:
        return {"recorded": True}
    if isinstance(task, str):
        return {"model": task}
    if isinstance(task, Mapping):
        return dict(task)
    module = re.sub(r"[^\w.]", "_", str(getattr(task, "__module__", None) or "python"))
    return {"python": f"{module}:{re.sub(r'[^0-9A-Za-z_]', '_', str(getattr(task, '__name__', 'task')))}"}


def _data(data: Any) -> Json:
    """The key of a suite that names the cases; none where they are given."""
    if isinstance(data, Path) or (isinstance(data, str) and data.lower().endswith(_FILES)):
        return {"data": str(data)}
    return {"dataset": data} if isinstance(data, str) else {}


def _used(one: str | Mapping[str, Any] | Evaluator) -> Any:
    if isinstance(one, str | Mapping):
        return one
    return {"use": type(one).__name__, "name": one.name}


def _made(written: Written, evaluators: Sequence[Any]) -> tuple[Evaluator, ...] | None:
    """The evaluators, where some of them are objects; None where the suite names them all."""
    if all(isinstance(one, str | Mapping) for one in evaluators):
        return None
    known, made = Evaluators(), list[Evaluator]()
    for i, (one, use) in enumerate(zip(evaluators, written.suite.evaluators, strict=True)):
        made.append(known.from_config(use.use, use.options) if isinstance(one, str | Mapping) else one)
        if made[-1].name in [before.name for before in made[:-1]]:
            raise written.wrong(("evaluators", i), f"a second evaluator is named '{made[-1].name}'.")
    return tuple(made)
