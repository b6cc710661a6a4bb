"""`prompts evaluate`, `verdicts` and `watch`: a version judged in one home, with the exit code for CI."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.app import build
from pilothouse.cli.context import Context
from pilothouse.cli.options import me
from pilothouse.cli.prompts import prompts
from pilothouse.errors import ConfigError, InvalidRequest, NotFound, PromotionRefused
from pilothouse.prompts.content import content_of
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.storage.evaluating.dataset_items import NewItem
from pilothouse.storage.evaluating.datasets import Datasets
from pilothouse.storage.prompting.watches import Watched, Watches

CONFIG = """
models: {default: {deployments: [{provider: builtin, model: echo}]}}
prompts:
  protected: [{suite: {dataset: words, evaluators: [exact]}, model: default, margin: 0.05}]
"""


@pytest.fixture
def call(tmp_path: Path) -> Callable[..., Result]:
    """Runs `prompts ...` in a home where version 1 of `faq` echoes, version 2 does not, and version 3 does so again."""
    path = tmp_path / "pilothouse.yaml"
    path.write_text(CONFIG)
    settings = Settings(home=tmp_path / "home", config=path)
    with build(settings) as platform:
        datasets = Datasets(platform.store)
        items = [NewItem(input=f"word {n}", expected=f"word {n}") for n in range(80)]
        datasets.change("default", datasets.create("default", "words"), items)
        registry = platform.prompts.prompts
        for template in ("{{ q }}", "No.", "{{ q }}{# the same #}"):
            registry.create("default", "faq", content_of({"template": template, "variables": {"q": {}}}), by=me())
        registry.promote("default", "faq", 1, by=me(), reason="The first one.", force=True)

    def run(*arguments: Any) -> Result:
        return CliRunner().invoke(
            prompts, list(map(str, arguments)), obj=Context(settings, build), standalone_mode=False
        )  # fmt: skip

    return run


def test_a_version_is_judged_and_its_verdict_is_what_promote_reads(
    call: Callable[..., Result], tmp_path: Path
) -> None:  # fmt: skip
    estimated = call("evaluate", "faq@2", "--dry-run")
    assert "160 outcomes. May cost: $0.0000." in estimated.output
    refused = call("evaluate", "faq@2", "--yes")
    assert refused.return_value == 1
    assert "faq@2, compared with @1 for 'production': it did not pass." in refused.output
    assert "against it: 'exact': 1.000 before, 0.000 now over 80 cases" in refused.output
    assert isinstance(call("promote", "faq@2").exception, PromotionRefused)

    passed = call("evaluate", "faq", "--json")
    verdict = json.loads(passed.stdout)
    assert (passed.return_value, verdict["version"], verdict["passed"], verdict["reasons"]) == (0, 3, True, [])
    assert call("promote", "faq@3").exception is None
    listed = json.loads(call("verdicts", "faq", "--json").stdout)
    assert [(one["version"], one["passed"]) for one in listed] == [(3, True), (2, False)]
    assert "it got worse" in call("verdicts", "faq@2").output
    assert "No label of it is watched" in call("watch", "faq").output
    assert json.loads(call("watch", "faq", "--json").stdout) == []
    assert isinstance(call("watch", "gone").exception, NotFound)
    store = open_store(Settings(home=tmp_path / "home"))
    figure = {"name": "errors", "before": 0.01, "after": 0.5, "got_worse": True}
    body = {"figures": [figure], "says": "faq@3 does worse than @1."}
    Watches(store.control).put(Watched("default", "faq", "production", "m", None, True, 0, body))
    store.close()
    shown = call("watch", "faq").output
    assert "production, looked at 1970-01-01 00:00:00 (UTC), the label went back:" in shown
    assert "faq@3 does worse than @1." in shown

    suite, cases = tmp_path / "suite.yaml", tmp_path / "cases.jsonl"
    suite.write_text("evaluators: [contains_expected]\n")
    cases.write_text('{"input": "a", "expected": "a"}\n{"input": "b", "expected": "b"}\n')
    own = call("evaluate", "faq@1", "--suite", suite, "--cases", cases, "--yes")
    assert own.return_value == 1
    assert "About 189 cases like these would tell." in own.output


def test_what_cannot_be_judged_is_told_in_a_sentence(call: Callable[..., Result], tmp_path: Path) -> None:
    assert isinstance(call("evaluate", "faq#staging").exception, InvalidRequest)
    assert "Nothing says by what 'faq' is judged for 'beta'" in str(
        call("evaluate", "faq", "--against", "beta").exception
    )
    wrong = tmp_path / "suite.yaml"
    wrong.write_text("evaluators: [exakt]\n")
    error = call("evaluate", "faq", "--suite", wrong).exception
    assert isinstance(error, ConfigError)
    assert "suite.evaluators.0" in error.message
    assert "cannot be read as text" in str(call("evaluate", "faq", "--suite", tmp_path / "none.yaml").exception)
