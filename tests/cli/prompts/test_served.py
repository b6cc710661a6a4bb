"""Commands at a server: what a job of CI does, with the platform's own processes, and how a job is followed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pilothouse.cli.context import Context
from pilothouse.cli.prompts import prompts, served
from pilothouse.cli.prompts.served import Served
from pilothouse.errors import ConfigError, InvalidRequest, PilothouseError, PromotionRefused
from pilothouse.sdk import Embedded
from pilothouse.settings import Settings

CONFIG = """
models: {default: {deployments: [{provider: builtin, model: echo}]}}
prompts:
  protected:
    - {suite: {dataset: words, evaluators: [exact]}, model: default, margin: 0.05}
    - {labels: [reviewed], approvals: 1}
"""


def _run(home: Path, url: str, key: str, *words: Any) -> Result:
    def no_platform(*_: Any, **__: Any) -> Any:
        raise AssertionError("The home is not asked.")

    context = Context(Settings(home=home), no_platform)
    env = {"PILOTHOUSE_URL": url, "PILOTHOUSE_API_KEY": key}
    return CliRunner().invoke(prompts, [*map(str, words)], obj=context, standalone_mode=False, env=env)


def test_a_job_of_ci_needs_commands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_POLL_SECONDS", 0.05)
    config = tmp_path / "pilothouse.yaml"
    config.write_text(CONFIG)
    embedded = Embedded(Settings(home=tmp_path / "home", config=config))
    try:
        ask = embedded.client.request
        keys = [ask("POST", "/api/keys", {"name": name, "role": "editor"})["secret"] for name in ("ci", "ann")]
        dataset = ask("POST", "/api/datasets", {"name": "words"})["id"]
        items = [{"input": f"word {n}", "expected": f"word {n}"} for n in range(80)]
        ask("POST", f"/api/datasets/{dataset}/items", {"add": items})

        def call(*words: Any, key: str = keys[0]) -> Result:
            return _run(tmp_path / "other", embedded.address, key, *words)

        for text in ("{{ q }}", "No.", "{{ q }}{# the same #}"):
            (tmp_path / "faq.md").write_text(f"---\nvariables: {{q: {{}}}}\n---\n{text}\n")
            made = call("create", "team/faq", tmp_path / "faq.md", "--label", "staging")
            assert made.exception is None, made.output
        assert call("promote", "team/faq@1", "--force", "-m", "the first").exception is None

        bad = call("evaluate", "team/faq@2", "--yes")
        assert f": {embedded.address}/console/evals/runs/" in bad.stdout
        assert bad.return_value == 1
        assert "against it: 'exact': 1.000 before, 0.000 now over 80 cases" in bad.stdout
        assert "160 of 160, $0.0000 so far\n" in bad.stderr
        refused = call("promote", "team/faq@2").exception
        assert isinstance(refused, PromotionRefused)
        assert "it got worse" in refused.message
        good = call("evaluate", "team/faq", "--yes", "--json")
        assert (good.return_value, json.loads(good.stdout)["version"]) == (0, 3)
        told = call("promote", "team/faq#staging").stdout
        assert told == "production of team/faq points to 3, before to 1.\n"
        listed = json.loads(call("verdicts", "team/faq", "--json").stdout)
        assert [(one["version"], one["passed"]) for one in listed] == [(3, True), (2, False)]
        assert "No label of it is watched" in call("watch", "team/faq").stdout
        assert call("usage", "team/faq").stdout == "No version of it was called in that time.\n"  # but for evaluation
        assert call("render", "team/faq", "--var", "q=why").stdout == "why\n"
        assert "team/faq@3" in call("lint", "team/faq", "--fail-on", "error").stdout

        waits = call("promote", "team/faq@3", "--to", "reviewed")
        assert (waits.return_value, "waits for a second person" in waits.stdout) == (None, True)
        request = waits.stdout.split()[-1]
        assert request in call("requests").stdout
        assert call("approve", request, key=keys[1]).stdout == "reviewed of team/faq points to 3.\n"

        suite = tmp_path / "suite.yaml"
        suite.write_text("evaluators: [exakt]\n")
        assert "exakt" in str(call("evaluate", "team/faq", "--suite", suite, "--yes").exception)
        assert isinstance(call("evaluate", "team/faq#staging", "--yes").exception, InvalidRequest)
        asked = call("evaluate", "team/faq").exception
        assert isinstance(asked, ConfigError)
        assert "say --yes" in asked.message
        assert "no estimate" in str(call("evaluate", "team/faq", "--dry-run").exception)
        assert call("list", key="wrong").exception is not None
        assert not (tmp_path / "other").exists()
    finally:
        embedded.close()


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Follows a job whose states are given; what was asked of the server."""
    monkeypatch.setattr(served, "_POLL_SECONDS", 0)

    def run(*states: dict[str, Any] | type[BaseException], how: str = "evaluate") -> list[str]:
        asked, told = list[str](), iter(states)
        desk = Served("http://here", None, "default")

        def request(method: str, path: str, body: Any = None) -> Any:
            asked.append(f"{method} {path}")
            if path.endswith("/cancel"):
                return {}
            state = next(told)
            if isinstance(state, type):
                raise state
            return {"id": "j", "status": "running", "done": 0, "total": 0, "note": "", "error": None, **state}

        monkeypatch.setattr(desk._client, "request", request)
        with desk:
            try:
                getattr(desk, how)("a", {}, lambda done, total, note: asked.append(f"{done}/{total} {note}"))
            except (KeyboardInterrupt, PilothouseError) as error:
                asked.append(str(error))
        return asked

    return run


def test_a_job_is_followed_to_its_end(follow: Callable[..., list[str]]) -> None:
    half = {"done": 1, "total": 2, "note": "$1"}
    look = "GET /api/jobs/j"
    begun = "POST /api/prompts/a/evaluate"
    failed = follow({"status": "queued"}, {}, half, {"status": "failed", "error": "no money"})
    assert failed == [begun, look, look, "1/2 $1", look, "The evaluation of 'a' failed: no money"]
    assert follow({"status": "queued"}, KeyboardInterrupt) == [begun, look, "POST /api/jobs/j/cancel", ""]
    searched = follow({"status": "queued"}, {"status": "failed"}, how="optimize")
    assert searched == ["POST /api/prompts/a/optimize", look, "The search over 'a' failed: no reason given"]
