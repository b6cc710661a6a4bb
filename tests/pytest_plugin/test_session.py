"""Who judges, in the process of pytest."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pilothouse.cases import Case
from pilothouse.errors import BudgetExceeded, UnknownModel
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.rules.matching import ExactMatch
from pilothouse.observe import Traces
from pilothouse.pytest_plugin.session import Session, demand_project
from pilothouse.settings import Settings
from pilothouse.storage import open_store
from pilothouse.testing.openai_server import OpenAIServer

CASE = Case(id="1", input="France?", output="Paris", expected="Paris")


def test_judges_need_a_name() -> None:
    session = Session(None)
    assert session.lacking([ExactMatch()], None) == ""
    assert "llm_judge" in session.lacking([ExactMatch(), LlmJudge()], None)
    assert session.lacking([LlmJudge()], "gpt") == session.lacking([LlmJudge(model="gpt")], None) == ""
    assert session.lacking([Jury(models=("a", "b"))], None) == Session("gpt").lacking([LlmJudge()], None) == ""
    assert [one.passed for one in session.verdicts(CASE, [ExactMatch()])] == [True]
    session.close()


JUDGE = LlmJudge(criteria={"tone": "Polite."}, retries=0)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With a judge that has a price and answers in prose."""
    with OpenAIServer() as upstream:
        config = {
            "providers": {"wire": {"kind": "openai", "base_url": f"{upstream.url}/v1", "api_key": "k"}},
            "models": {"judge": {"deployments": [{"provider": "wire", "model": "grader"}]}},
            "prices": [{"provider": "wire", "model": "grader", "input": 2, "output": 8}],
        }
        (tmp_path / "pilothouse.yaml").write_text(json.dumps(config))
        monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path))
        monkeypatch.setenv("PILOTHOUSE_CONFIG", str(tmp_path / "pilothouse.yaml"))
        yield tmp_path


def test_a_judge_is_a_model_of_the_platform_here_and_paid_once(home: Path) -> None:
    session = Session("judge")
    (verdict,) = session.verdicts(CASE, [JUDGE], place="test_x")
    (again,) = session.verdicts(CASE, [JUDGE], place="test_y")
    (other,) = session.verdicts(CASE, [JUDGE], place="test_x", trial=1)
    with pytest.raises(UnknownModel):
        session.verdicts(CASE, [JUDGE], "nobody")
    session.close()
    assert (verdict.status, verdict.passed) == ("failed", None)
    assert verdict.cost_nano == other.cost_nano
    assert (verdict.cost_nano or 0) > 0
    assert again.cost_nano == 0
    assert verdict.trace_id is not None
    store = open_store(Settings(home=home))
    trace = Traces(store).get(verdict.trace_id)
    store.close()
    assert [span.name for span in trace.spans][:1] == ["evaluate llm_judge"]


def test_the_next_session_pays_nothing_unless_it_is_to_be_fresh(home: Path) -> None:
    costs = []
    for fresh in (False, False, True):
        session = Session("judge", fresh=fresh)
        costs.append(session.verdicts(CASE, [JUDGE])[0].cost_nano)
        session.close()
    assert costs[0] == costs[2]
    assert costs[1] == 0


def test_what_judges_may_cost_is_a_cap(home: Path) -> None:
    session = Session("judge", most_usd=0.000_001)
    session.verdicts(CASE, [JUDGE])
    with pytest.raises(BudgetExceeded, match="cap"):
        session.verdicts(CASE, [JUDGE], trial=1)
    session.close()


def test_a_project_that_does_not_exist_is_refused_before_any_test(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    demand_project("default", settings)
    with pytest.raises(pytest.UsageError, match=r"--eval-project: There is no project 'nosuch'"):
        demand_project("nosuch", settings)
