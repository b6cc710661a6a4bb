"""Jobs that need the whole platform: each builds one in its own process, on the home of who asked for it."""

from collections.abc import Sequence
from pathlib import Path

from pilothouse.access.audit import Actor
from pilothouse.app import Platform, build
from pilothouse.errors import Cancelled, Forbidden, NotFound, PilothouseError
from pilothouse.evals.runs.evaluate import work
from pilothouse.evals.runs.prepare import prepare_again
from pilothouse.evals.runs.rooms import rooms_of
from pilothouse.evals.runs.runner import Heard, Runner
from pilothouse.ids import now_us
from pilothouse.lifecycle.diff.diffing import Diff
from pilothouse.lifecycle.diff.order import order_of
from pilothouse.lifecycle.optimizing.order import optimize_order
from pilothouse.lifecycle.optimizing.search import Optimizer
from pilothouse.lifecycle.prompting.order import order_of as prompt_order
from pilothouse.principal import EMBEDDED, Principal
from pilothouse.protocols import Progress
from pilothouse.redteam.ordering import again
from pilothouse.settings import Settings
from pilothouse.types import Json

__all__ = ["diff_task", "evaluate_prompt_task", "optimize_prompt_task", "platform_of", "redteam_task", "run_task"]


def platform_of(payload: Json) -> Platform:
    """The platform of a payload's `home` and `config`, other settings as this process has them. A context manager."""
    config = payload.get("config")
    return build(Settings.from_env(home=Path(payload["home"]), config=None if config is None else Path(config)))


def diff_task(payload: Json, progress: Progress) -> Json:
    """The job `evals.diff`. The payload has home, config, project, order, and key_id as that of a run; the result is
    the report, with `markdown` as for a pull request."""
    from pilothouse.evals.reports.markdown import markdown  # noqa: PLC0415

    runners = list[Runner]()

    async def compared(platform: Platform) -> Json:
        principal = _caller(platform, payload["project"], payload["key_id"])
        async with Diff(platform, payload["project"], order_of(payload["order"]), principal) as diff:
            await diff.prepare()
            told = await diff.run(_halting(progress, runners), started=runners.append)
        return {**told.to_json(), "markdown": markdown(told)}

    with platform_of(payload) as platform:
        return platform.run(compared(platform))


def evaluate_prompt_task(payload: Json, progress: Progress) -> Json:
    """The job `prompts.evaluate`. The payload has home, config, project, name, order, key_id as that of a run, and who
    asked as actor and source; the result is the verdict."""
    project, runners = payload["project"], list[Runner]()

    async def judged(platform: Platform) -> Json:
        principal = _caller(platform, project, payload["key_id"])
        by, order = Actor(payload["actor"], payload["source"]), prompt_order(payload["name"], payload["order"])
        rooms = rooms_of(platform, project, principal)
        heard = _halting(progress, runners)
        verdict = await platform.prompts.gate.evaluate(rooms, project, order, by, heard=heard, started=runners.append)
        return verdict.to_json()

    with platform_of(payload) as platform:
        return platform.run(judged(platform))


def optimize_prompt_task(payload: Json, progress: Progress) -> Json:
    """The job `prompts.optimize`, with a payload as that of `prompts.evaluate`; the result says what was tried, and the
    version that was kept."""
    project, name = payload["project"], payload["name"]

    def heard(done: int, total: int, nano: int) -> None:
        progress(done, total, f"${nano / 1e9:.4f} so far")

    async def searched(platform: Platform) -> Json:
        rooms = rooms_of(platform, project, _caller(platform, project, payload["key_id"]))
        order, by = optimize_order(name, payload["order"]), Actor(payload["actor"], payload["source"])
        search = Optimizer(rooms, platform.prompts.prompts, project, name, order, by, heard=heard)
        return (await search.run()).to_json()

    with platform_of(payload) as platform:
        return platform.run(searched(platform))


def run_task(payload: Json, progress: Progress) -> Json:
    """The job `evals.run`: goes on with a run that the API made. The payload has home, config, project, run, and the
    key in whose name it asks, empty for the whole installation's. Raises Cancelled once the run is deleted."""
    project, run_id, key_id = payload["project"], payload["run"], payload["key_id"]
    with platform_of(payload) as platform:
        try:
            return platform.run(_gone_on(platform, project, run_id, key_id, progress))
        except PilothouseError as error:
            _never_began(platform, project, run_id, error)
            raise


def _never_began(platform: Platform, project: str, run_id: str, error: PilothouseError) -> None:
    """A run that failed before anybody held it has failed for good. Raises Cancelled once it is deleted."""
    runs = rooms_of(platform, project).runs
    try:
        run = runs.get(project, run_id)
    except NotFound:
        raise Cancelled("The run was deleted.") from None
    if run.status == "running" and run.holder is None:
        runs.update(project, run_id, status="failed", error=error.message, ended_us=now_us())


async def _gone_on(platform: Platform, project: str, run_id: str, key_id: str, progress: Progress) -> Json:
    rooms, runners = rooms_of(platform, project, _caller(platform, project, key_id)), list[Runner]()
    run = rooms.runs.get(project, run_id)
    if run.status != "running":
        return {"run": run.id, "status": run.status}

    def heard(done: int, total: int, nano: int) -> None:
        try:
            progress(done, total, f"${nano / 1e9:.4f}")
        except Cancelled as error:
            runners[0].halt("cancelled", error.message)

    prepared = await prepare_again(rooms, project, run)
    ended = await work(rooms, project, run, prepared, heard=heard, started=runners.append)
    return {"run": ended.run.id, "status": ended.run.status, "passed": ended.passed}


def redteam_task(payload: Json, progress: Progress) -> Json:
    """The job `redteam.run`: works off a run of the red team that the API made, or goes on with it. The payload is that
    of `evals.run`."""
    project, runners = payload["project"], list[Runner]()

    async def played(platform: Platform) -> Json:
        principal = _caller(platform, project, payload["key_id"])
        run = rooms_of(platform, project).runs.get(project, payload["run"])
        if run.status != "running":
            return {"run": run.id, "status": run.status}
        rooms, prepared = await again(platform, project, run, principal=principal)
        heard = _halting(progress, runners)
        ended = await work(rooms, project, run, prepared, heard=heard, started=runners.append)
        return {"run": ended.run.id, "status": ended.run.status}

    with platform_of(payload) as platform:
        try:
            return platform.run(played(platform))
        except PilothouseError as error:
            _never_began(platform, project, payload["run"], error)
            raise


def _halting(progress: Progress, runners: Sequence[Runner]) -> Heard:
    """Hands progress on; a job that is called off halts its runs."""

    def heard(done: int, total: int, nano: int) -> None:
        try:
            progress(done, total, f"${nano / 1e9:.4f} so far")
        except Cancelled as error:
            for runner in runners:
                runner.halt("cancelled", error.message)

    return heard


def _caller(platform: Platform, project: str, key_id: str) -> Principal:
    """In whose name a job asks. Raises Forbidden where that key is gone, or may not call any more."""
    principal = platform.keys.current(key_id, project) if key_id else EMBEDDED
    if principal is None or not principal.may("call"):
        raise Forbidden("The key that started this may not call models any more.")
    return principal
