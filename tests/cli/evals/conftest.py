"""Runs that are kept in a home, and commands over them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pilothouse.cases import Case, Outcome, Verdict
from pilothouse.cli.context import Context
from pilothouse.config import Config
from pilothouse.settings import Settings
from pilothouse.snapshot import Snapshot
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run

from ..spooled import Spooled


class Kept:
    """`runs` of a home. `add` keeps one, a case for each value of `exact`; `call` runs a command."""

    def __init__(self, home: Path) -> None:
        self.platform = Spooled(home)
        self.platform.snapshot = Snapshot(0, Config())  # type: ignore[attr-defined]
        self.runs = EvalRuns(self.platform.store)

    def add(self, passes: list[bool], name: str = "nightly", branch: str = "", **more: Any) -> Run:
        given: dict[str, Any] = {
            "name": name, "suite": "support", "subject": {"model": "fast"}, "plan": {"suite": {}},
            "plan_hash": "h", "cases": len(passes), "metadata": {"branch": branch}, "status": "done",
        }  # fmt: skip
        run = self.runs.create("default", **{**given, **more})
        outcomes = [
            Outcome(
                case=Case(id=f"c{n}", input=f"question\x1b[31m {n}", output=str(passed), cost_nano=1000, latency_s=0.5),
                verdicts=(Verdict.ok("exact", float(passed), passed=passed),),
            )
            for n, passed in enumerate(passes)
        ]
        self.runs.put("default", run.id, outcomes)
        return self.runs.get("default", run.id)

    def call(self, command: click.Command, *arguments: str) -> Result:
        context = Context(Settings(home=Path()), lambda *_, **__: self.platform)  # type: ignore[arg-type]
        return CliRunner(env={"COLUMNS": "250"}).invoke(command, arguments, obj=context)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    found = Kept(tmp_path / "home")
    yield found
    found.platform.close()
