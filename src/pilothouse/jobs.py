"""Jobs that need the whole platform: each builds one in its own process, on the home of who asked for it."""

from pathlib import Path

from pilothouse.app import Platform, build
from pilothouse.errors import Cancelled
from pilothouse.evals.runs.runner import Runner
from pilothouse.lifecycle.diff.diffing import Diff
from pilothouse.lifecycle.diff.order import order_of
from pilothouse.protocols import Progress
from pilothouse.settings import Settings
from pilothouse.types import Json

__all__ = ["diff_task", "platform_of"]


def platform_of(payload: Json) -> Platform:
    """The platform of a payload's `home` and `config`, other settings as this process has them. A context manager."""
    config = payload.get("config")
    return build(Settings.from_env(home=Path(payload["home"]), config=None if config is None else Path(config)))


def diff_task(payload: Json, progress: Progress) -> Json:
    """The job `evals.diff`. The payload has home, config, project and order; the result is the report, with `markdown`
    as for a pull request."""
    from pilothouse.evals.reports.markdown import markdown  # noqa: PLC0415

    runners: list[Runner] = []

    def heard(done: int, total: int, nano: int) -> None:
        try:
            progress(done, total, f"${nano / 1e9:.4f} so far")
        except Cancelled as error:
            for runner in runners:
                runner.halt("cancelled", error.message)

    async def compared(platform: Platform) -> Json:
        async with Diff(platform, payload["project"], order_of(payload["order"])) as diff:
            await diff.prepare()
            told = await diff.run(heard, started=runners.append)
        return {**told.to_json(), "markdown": markdown(told)}

    with platform_of(payload) as platform:
        return platform.run(compared(platform))
