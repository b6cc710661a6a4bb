"""2,000 cases with a judge, killed twice by SIGKILL while calls are under way, and resumed: is the result that of a run
which nobody disturbed, and was anything paid for twice?

    python benchmarks/evals/killed.py [CASES]

Real processes and real HTTP; the vendor is pilothouse.testing's. After a third of the answers it falls silent until
`concurrency` calls hang, and the process is killed then; so every call under way is one without an answer. A third run
over the same cases is killed at a moment of its own, four times, in the middle of answers that come.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import text

from pilothouse.cases import Outcome
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.eval_runs import EvalRuns
from pilothouse.testing.vendor import HeldVendor

AT_ONCE = 8
SUITE = f"""\
suite: killed
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


def reply(asked: str) -> str:
    """The model says what it is told to; the judge gives four or five points by the words of what it reads."""
    if asked.startswith("Say "):
        return asked.removeprefix("Say ")
    return json.dumps({"good": 4 + asked.count("7") % 2, "explanation": "So it is."})


async def start(folder: Path, home: str, *words: str) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "pilothouse", "--home", home, "--config", "pilothouse.yaml", "evals", *words]
    quiet = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=quiet, stderr=quiet, env=os.environ)


async def ended(process: asyncio.subprocess.Process) -> Any:
    out, err = await process.communicate()
    if process.returncode != 0:
        raise SystemExit(err.decode())
    return json.loads(out)


def outcomes(folder: Path, home: str) -> tuple[list[Outcome], Counter[str], int, int | None]:
    """Outcomes without times and traces; how often each question was recorded as answered; the ledger's sum of answers,
    and what the run says that it paid (nano-USD)."""
    store = open_store(Settings(home=folder / home))
    runs = EvalRuns(store)
    run = runs.get("default", "killed")
    found = [
        replace(
            one, case=replace(one.case, latency_s=None, trace_id=None),
            verdicts=tuple(replace(verdict, trace_id=None) for verdict in one.verdicts),
        )
        for one in runs.each("default", run.id)
    ]  # fmt: skip
    with store.observe.connect() as connection:
        query = "SELECT request_id FROM spans WHERE kind = 'llm' AND status = 'ok'"
        asked = Counter(connection.execute(text(query)).scalars())
        paid = connection.execute(text("SELECT sum(nano) FROM ledger WHERE NOT estimated")).scalar()
    store.close()
    return found, asked, int(paid or 0), run.cost_nano


async def held_and_killed(folder: Path, vendor: HeldVendor, third: int) -> Any:
    """Two kills while all calls hang, then to the end."""
    for words in (("run", "suite.yaml", "--yes"), ("resume", "killed")):
        vendor.hold(third, AT_ONCE)
        process = await start(folder, "held", *words)
        await asyncio.to_thread(vendor.held.wait)
        process.kill()
        await process.communicate()
    vendor.go_on()
    return await ended(await start(folder, "held", "resume", "killed", "--json"))


async def killed_at_any_moment(folder: Path, vendor: HeldVendor, fifth: int) -> Any:
    """Four kills while answers come, each told by the vendor's count alone, then to the end."""
    words: tuple[str, ...] = ("run", "suite.yaml", "--yes", "--json")
    for nth in range(1, 5):
        process = await start(folder, "any", *words)
        await asyncio.to_thread(vendor.reached, nth * fifth)
        process.kill()
        await process.communicate()
        words = ("resume", "killed", "--json")
    return await ended(await start(folder, "any", *words))


async def main() -> None:
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as made, HeldVendor(reply) as vendor:
        folder = Path(made)
        rows = [{"id": f"c{i:05}", "input": f"case {i:05}", "expected": f"case {i:05}"} for i in range(cases)]
        (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
        (folder / "suite.yaml").write_text(SUITE)
        (folder / "pilothouse.yaml").write_text(CONFIG.format(url=vendor.url))
        began = time.monotonic()
        await ended(await start(folder, "calm", "run", "suite.yaml", "--yes", "--json"))
        seconds = time.monotonic() - began
        calm, asked, paid, _ = outcomes(folder, "calm")
        print(f"undisturbed: {len(calm)} outcomes, {asked.total()} answers, ${paid / 1e9:.4f}, {seconds:.0f} s")
        vendor.answered.clear()
        vendor.asked.clear()
        told = await held_and_killed(folder, vendor, 2 * cases // 3)
        report("killed twice while all calls hang", vendor, folder, "held", calm, told["asked_again"])
        vendor.answered.clear()
        vendor.asked.clear()
        told = await killed_at_any_moment(folder, vendor, 2 * cases // 5)
        report("killed four times while answers come", vendor, folder, "any", calm, told["asked_again"])


def report(what: str, vendor: HeldVendor, folder: Path, home: str, calm: list[Outcome], again: int) -> None:
    """Hold a run against the undisturbed one, and print what was found."""
    found, asked, paid, run_paid = outcomes(folder, home)
    twice = sum(count - 1 for count in asked.values())
    sent_twice = sum(count - 1 for count in vendor.answered.values())
    print(f"{what}:")
    print(f"  outcomes equal to the undisturbed run's: {found == calm} ({len(found)})")
    print(f"  questions with more than one answer on record: {twice} of {len(asked)}; ledger ${paid / 1e9:.4f}, "
          f"the run's own sum {run_paid and f'${run_paid / 1e9:.4f}'}")  # fmt: skip
    print(f"  answers that the vendor sent twice: {sent_twice}; the last process asked {again} questions again")


if __name__ == "__main__":
    asyncio.run(main())
