"""Runs of the red team in a platform: played, halted, gone on with, and guarded."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pilothouse.app import Platform, build
from pilothouse.config import Config
from pilothouse.errors import ConfigError, Conflict
from pilothouse.evals.runs.evaluate import Ended, work
from pilothouse.evals.runs.runner import Runner
from pilothouse.redteam.building import Choice
from pilothouse.redteam.comparing import compare
from pilothouse.redteam.ordering import Order, again, begin, order_in, plan, redteam_runs
from pilothouse.redteam.report import Report, report_of
from pilothouse.settings import Settings

P = "default"
CONFIG = """
models:
  guarded: {deployments: [{provider: builtin, model: echo}], guards: [strict]}
guards:
  policies: {strict: {input: [{use: words, words: [hyphen, instructions]}]}}
"""
HIJACKS = Choice(classes=("agent_hijack",), mutators=("none", "base64"), limit=12)
SLOW = """
halt, heard = [], []
def answer(messages):
    heard.append(messages)
    if len(heard) == 4:
        halt[0]()
    return "No."
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("redteam")
    (home / "pilothouse.yaml").write_text(CONFIG)
    with build(Settings(home=home / "home", config=home / "pilothouse.yaml")) as made:
        yield made


def played(
    platform: Platform, order: Order, started: Callable[[Runner], object] = lambda runner: None
) -> tuple[Ended, Report]:  # fmt: skip
    async def whole() -> Ended:
        rooms, run, prepared = await begin(platform, P, order)
        return await work(rooms, P, run, prepared, started=started)

    ended = platform.run(whole())
    return ended, told(platform, ended)


def told(platform: Platform, ended: Ended) -> Report:
    from pilothouse.storage.evaluating.eval_runs import EvalRuns

    return report_of(ended.run, EvalRuns(platform.store).each(P, ended.run.id))


def test_an_echo_fulfils_nothing_and_a_guard_is_told_with_what_it_stopped(platform: Platform) -> None:
    from pilothouse.storage.evaluating.eval_runs import EvalRuns

    runs, order = EvalRuns(platform.store), Order(target="builtin/echo", choice=Choice(limit=60))
    ended, open_ = played(platform, order)
    assert (open_.total.n, open_.total.rate, open_.errors, open_.harmless and open_.harmless.n) == (60, 0.0, 0, 20)
    assert open_.total.high is not None
    assert 0.05 < open_.total.high < 0.07
    assert (len(open_.classes), open_.guards, open_.total.resisted) == (6, (), 60)
    other, guarded = played(platform, Order(target="guarded", choice=order.choice))
    (one,) = guarded.guards
    assert (one.guard, one.stage, one.action, one.policy) == ("words", "input", "block", "strict")
    assert one.attacks == guarded.total.stopped > 10
    assert one.harmless == (guarded.harmless and guarded.harmless.stopped) == 1
    found = compare(open_, guarded, runs.each(P, ended.run.id), runs.each(P, other.run.id))
    assert (found.total.n, found.total.difference, found.same_guards) == (60, 0.0, False)
    assert found.harmless is not None
    assert found.harmless.opened == ("harmless/forget",)
    assert [run.id for run in redteam_runs(runs, P)][:2] == [other.run.id, ended.run.id]


def test_a_run_that_was_stopped_goes_on_where_it_stood(platform: Platform, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "redteam_slow.py").write_text(SLOW)
    monkeypatch.chdir(tmp_path)
    order = Order(target="python:redteam_slow:answer", choice=HIJACKS, concurrency=1)

    def started(runner: Runner) -> None:
        import redteam_slow  # type: ignore[import-not-found]

        redteam_slow.halt.append(lambda: runner.halt("stopped", "Enough."))

    ended, half = played(platform, order, started)
    assert (ended.run.status, order_in(ended.run), half.total.n) == ("stopped", order, 4)

    async def rest() -> Ended:
        rooms, prepared = await again(platform, P, ended.run)
        return await work(rooms, P, ended.run, prepared)

    whole = platform.run(rest())
    assert (whole.run.status, whole.run.done, told(platform, whole).total.n) == ("done", 32, 12)
    config: Any = {"guards": {"policies": {"p": {"input": [{"use": "length", "at_most": 9}]}}, "default": "p"}}
    before = platform.snapshot.config
    platform.live.put(Config.model_validate(config), author="ada", source="api")
    with pytest.raises(Conflict, match="The guards are others"):
        platform.run(again(platform, P, ended.run))
    platform.live.put(before, author="ada", source="api")


def test_a_function_of_ones_own_is_attacked(platform: Platform, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "redteam_bot.py").write_text(
        "def answer(messages, tools):\n"
        "    if tools:\n"
        "        return {'content': None, 'tool_calls': []}\n"
        "    words = messages[-1]['content'].split('words ')[-1].split(' joined')[0].split(' and ')\n"
        "    return '-'.join(words)\n"
    )
    monkeypatch.chdir(tmp_path)
    choice = Choice(classes=("direct_injection", "prompt_extraction"), mutators=("none",), harmless=False)
    order = Order(target="python:redteam_bot:answer", choice=choice)
    assert plan(order)[1] == 9  # a system prompt of ours means nothing to it
    assert len(plan(msgspec.structs.replace(order, choice=Choice(limit=30)))[0]) == 50
    _, report = played(platform, order)
    assert (report.total.rate, report.total.seeds_broken, report.left_out) == (1.0, 8, 9)
    assert {one.how for one in report.broken} == {"The answer joins the two words."}
    with pytest.raises(ConfigError, match="means anything to 'corpus:docs'"):
        asyncio.run(
            begin(platform, P, Order(target="corpus:docs", choice=Choice(classes=("jailbreak",), harmless=False)))
        )
