"""A run that is killed twice by SIGKILL, resumed, ends as one that nobody disturbed, and pays for nothing twice: real
processes, and a vendor that counts."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text

from pilothouse.app import build
from pilothouse.cases import Outcome
from pilothouse.evals.runs.evaluate import run_suite
from pilothouse.evals.runs.rooms import rooms_of
from pilothouse.evals.runs.suite import read_suite
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns, Run
from pilothouse.testing.vendor import HeldVendor

CASES, AT_ONCE = 40, 4
SUITE = f"""\
suite: capitals
data: cases.jsonl
task: {{model: vendor/small, messages: [{{role: user, content: "Say {{input}}"}}]}}
evaluators: [exact, {{use: llm_judge, name: quality, criteria: {{good: "It is good."}}}}]
judge: vendor/judge
concurrency: {AT_ONCE}
"""
CONFIG = """\
providers: {{vendor: {{kind: openai, base_url: "{url}/v1", api_key: k}}}}
prices:
  - {{provider: vendor, model: small, input: 2, output: 8}}
  - {{provider: vendor, model: judge, input: 2, output: 8}}
"""
ONE = 100 * 2000 + 10 * 8000  # nano-USD


def reply(asked: str) -> str:
    if asked.startswith("Say "):
        return asked.removeprefix("Say ")
    return json.dumps({"good": 5 if int(asked.count("case 1") > 0) else 4, "explanation": "So it is."})


def write(folder: Path, url: str) -> None:
    rows = [{"id": f"c{i:03}", "input": f"case {i:03}", "expected": f"case {i:03}"} for i in range(CASES)]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "suite.yaml").write_text(SUITE)
    (folder / "pilothouse.yaml").write_text(CONFIG.format(url=url))


async def start(folder: Path, home: str, *words: str) -> Process:
    command = [sys.executable, "-m", "pilothouse", "--home", home, "--config", "pilothouse.yaml", "evals", *words]
    return await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=PIPE, stderr=PIPE, env=os.environ)


async def undisturbed(folder: Path) -> None:
    """The same suite in this process."""
    with build(Settings(home=folder / "calm", config=folder / "pilothouse.yaml")) as platform:
        try:
            await run_suite(rooms_of(platform, "default"), "default", read_suite(folder / "suite.yaml"))
        finally:
            await platform.close_rooms()


async def ends(process: Process) -> str:
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def killed(vendor: HeldVendor, process: Process) -> None:
    assert await asyncio.to_thread(vendor.held.wait, 60), await process.communicate()
    process.kill()
    await process.wait()


def found(folder: Path, home: str) -> tuple[Run, list[Outcome], Counter[str], int]:
    """The run, its outcomes without what differs between any two, how often each question was recorded as answered,
    and what the ledger has of those."""
    store = open_store(Settings(home=folder / home))
    runs = EvalRuns(store)
    run = runs.get("default", "capitals")
    outcomes = [without(one) for one in runs.each("default", run.id)]
    with store.observe.connect() as connection:
        rows = connection.execute(text("SELECT request_id FROM spans WHERE kind = 'llm' AND status = 'ok'")).scalars()
        asked = Counter(rows)
        paid = connection.execute(text("SELECT sum(nano) FROM ledger WHERE NOT estimated")).scalar()
    store.close()
    return run, outcomes, asked, int(paid or 0)


def without(outcome: Outcome) -> Outcome:
    case = replace(outcome.case, latency_s=None, trace_id=None)
    return replace(outcome, case=case, verdicts=tuple(replace(one, trace_id=None) for one in outcome.verdicts))


async def test_killed_twice_and_stopped_it_ends_as_if_nothing_had_been_and_pays_once(tmp_path: Path) -> None:
    with HeldVendor(reply) as vendor:
        write(tmp_path, vendor.url)
        await undisturbed(tmp_path)
        run, outcomes, asked, _ = found(tmp_path, "calm")
        vendor.answered.clear()

        for words in (("run", "suite.yaml", "--yes"), ("resume", "capitals")):
            vendor.hold(after=20, held_at=AT_ONCE)
            await killed(vendor, await start(tmp_path, "killed", *words))
        vendor.hold(after=10, held_at=AT_ONCE)
        stopped = await start(tmp_path, "killed", "resume", "capitals")
        assert await asyncio.to_thread(vendor.held.wait, 60)
        stopped.send_signal(signal.SIGTERM)
        stopped.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(stopped.communicate(), 60)
        assert (stopped.returncode, b"Go on with: pilothouse evals resume" in said) == (130, True)
        vendor.go_on()
        told: Any = json.loads(await ends(await start(tmp_path, "killed", "resume", "capitals", "--json")))

    run_, outcomes_, asked_, paid = found(tmp_path, "killed")
    assert outcomes_ == outcomes
    assert len(outcomes) == CASES
    assert run_.status == run.status == "done"
    assert run_.cost_nano == run.cost_nano == 2 * CASES * ONE
    assert figures(run_) == figures(run)
    assert asked_.keys() == asked.keys()
    assert set(asked_.values()) == {1}  # no question has two answers that were paid for
    assert paid <= 2 * CASES * ONE
    assert set(vendor.answered.values()) == {1}
    assert told["asked_again"] <= AT_ONCE


def figures(run: Run) -> Any:
    summary = dict(run.summary or {})
    summary.pop("latency")
    return summary
