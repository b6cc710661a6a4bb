from typing import Any

import pytest
from click.testing import CliRunner

from pilothouse.cli.context import Context
from pilothouse.cli.prompts.optimize import optimize
from pilothouse.cli.prompts.served import Served
from pilothouse.lifecycle.optimizing.order import OptimizeOrder
from pilothouse.lifecycle.optimizing.told import Optimized
from pilothouse.settings import Settings


def test_the_options_become_an_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    orders: list[OptimizeOrder] = []

    class Search:
        def __init__(self, rooms: Any, prompts: Any, project: str, name: str, order: OptimizeOrder, *_: Any, **__: Any):
            orders.append(order)
            assert (project, name) == ("default", "rag/answer")

        async def run(self) -> Optimized:
            return Optimized(prompt="rag/answer", source=3, dataset="qa@1", metric="exact", train=6, held_out=4,
                             verdict="none", why="No better version was found.")  # fmt: skip

    monkeypatch.setattr("pilothouse.lifecycle.optimizing.search.Optimizer", Search)
    settings = Settings(home=tmp_path)
    context = Context(settings, lambda settings, serving=True: _build(settings))

    def run(*words: str, given: str = "") -> Any:
        return CliRunner().invoke(optimize, [*words], obj=context, input=given, catch_exceptions=False)

    done = run(
        "rag/answer@3",
        "--dataset",
        "qa",
        "--evaluator",
        "numbers",
        "--metric",
        "exact",
        "--max-cost",
        "0.5",
        given="y\n",
    )
    assert "No better version was found." in done.stdout
    assert "This may cost up to $0.5." in done.stderr
    assert (orders[0].version, orders[0].evaluators, str(orders[0].max_cost_usd)) == (3, ["exact", "numbers"], "0.5")
    done = run("rag/answer#staging", "--dataset", "qa", "--offline", "--rewrite-model", "m", "--yes", "--json")
    assert '"verdict": "none"' in done.stdout
    assert (orders[1].label, orders[1].rewrite_model) == ("staging", None)
    assert run("rag/answer", "--dataset", "qa", given="n\n").exit_code == 1
    assert len(orders) == 2

    def searched(self: Served, name: str, body: Any, heard: Any) -> Any:
        assert (name, body["version"], body["dataset"], body["max_cost_usd"]) == ("rag/answer", 3, "qa", "5.0")
        return Optimized(prompt=name, source=3, dataset="qa@1", metric="exact", train=6, held_out=4, verdict="none",
                         why="Nothing there.").to_json()  # fmt: skip

    monkeypatch.setattr(Served, "optimize", searched)
    done = run("rag/answer@3", "--dataset", "qa", "--yes", "--url", "http://127.0.0.1:9", "--key", "k")
    assert "Nothing there." in done.stdout
    assert len(orders) == 2


def _build(settings: Settings) -> Any:
    from pilothouse.app import build

    return build(settings)
