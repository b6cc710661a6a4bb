"""A judge that answers prose, broken JSON, ranges of its own, nothing, or refuses: real HTTP, a real gateway. Statuses
are right, means are of what could be told, and say how much could not."""

import math
from pathlib import Path
from typing import Any

import pytest

from pilothouse import evaluate
from pilothouse.settings import Settings
from pilothouse.testing.openai_server import OpenAIServer
from pilothouse.testing.wire import Answer, Heard
from pilothouse.types import Usage

GOOD = '{"good": 4, "explanation": "So it is."}'
FIRST_BAD = {
    "prose": "I think that it is a fine answer.",
    "broken": '{"good": 4, "explanation": "So it',
    "range": '{"good": 7, "explanation": "Off the scale."}',
    "nan": '{"good": NaN, "explanation": "No number."}',
    "list": "[4]",
}
FAULTS = {
    "hang": Answer(fault="hang"), "down": Answer(fault="server_error"), "garbage": Answer(fault="garbage"),
    "refuses": Answer(text="I cannot help with that.", finish_reason="content_filter"),
}  # fmt: skip


class Judge(OpenAIServer):
    """Judges well, but of outputs that name one of the ways of failing; `mended` ones are mended when asked again."""

    def pick(self, heard: Heard) -> Answer:
        asked = heard.turns[0].text
        again = len(heard.turns) > 1
        for name, answer in {**{one: Answer(text=text) for one, text in FIRST_BAD.items()}, **FAULTS}.items():
            if f"<{name}>" in asked:
                return answer
        if "<mended>" in asked and not again:
            return Answer(text="Fine.", usage=USED)
        return Answer(text=GOOD, usage=USED)


USED = Usage(input_tokens=100, output_tokens=10)
CRITERIA: Any = {"use": "llm_judge", "name": "quality", "criteria": {"good": "It is good."}, "timeout_s": 0.5}


@pytest.fixture
def settings(tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings(home=tmp_path / "home", models=models_dir)


def test_every_way_to_fail_is_a_failure_and_no_number(settings: Settings, tmp_path: Path) -> None:
    names = [*FIRST_BAD, *FAULTS, "mended", "well", "fine"]
    cases = [{"id": name, "input": "q", "output": f"<{name}>"} for name in names]
    with Judge() as server:
        (tmp_path / "pilothouse.yaml").write_text(
            f'providers: {{vendor: {{kind: openai, base_url: "{server.url}/v1", api_key: k}}}}\n'
            "models: {judge: {deployments: [{provider: vendor, model: j}], resilience: {retries: 0, failures: 99}}}\n"
            "prices: [{provider: vendor, model: j, input: 2, output: 8}]\n"
        )
        bounds: Any = {"concurrency": 3, "gates": ["quality < 0.5 unvalidated ok", "failed > 10%"]}
        result = evaluate(None, cases, [CRITERIA], judge="judge", settings=settings, **bounds)
        asked = len(server.requests)
        again = evaluate(None, cases, [CRITERIA], judge="judge", settings=settings, **bounds)
    told = {one.case.id: one.verdicts[0] for one in result.outcomes}
    assert {name for name, verdict in told.items() if verdict.status == "ok"} == {"mended", "well", "fine"}
    for name in (*FIRST_BAD, *FAULTS):
        verdict = told[name]
        assert (verdict.status, verdict.score, verdict.passed) == ("failed", None, None), name
        assert verdict.explanation.startswith(("The judge 'judge'", "'judge' did not answer")), name
    assert told["mended"].detail["reasked"] == 1
    assert told["prose"].detail["reasked"] == 3
    metric = result.summary.metrics["quality"]
    assert (metric.n, metric.failed, metric.skipped, metric.mean) == (3, len(FIRST_BAD) + len(FAULTS), 0, 0.75)
    assert metric.low is not None
    assert math.isfinite(metric.low)
    assert sum(reason.count for reason in metric.why) <= metric.failed
    assert result.run.status == "done"
    assert [gate.passed for gate in result.gates] == [True, False]
    assert not result.passed
    kept = len(server.requests) - asked  # what failed without an answer is asked again, and nothing else
    assert kept == 3
    assert again.summary.metrics["quality"].n == 3
