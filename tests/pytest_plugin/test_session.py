"""Who judges, in the process of pytest."""

from pathlib import Path

import pytest

from pilothouse.cases import Case
from pilothouse.errors import UnknownModel
from pilothouse.evals.judges.jury import Jury
from pilothouse.evals.judges.rubric import LlmJudge
from pilothouse.evals.rules.matching import ExactMatch
from pilothouse.observe import Traces
from pilothouse.pytest_plugin.session import Session
from pilothouse.settings import Settings
from pilothouse.storage import open_store

CASE = Case(id="1", input="France?", output="Paris", expected="Paris")


def test_judges_need_a_name() -> None:
    session = Session(None)
    assert session.lacking([ExactMatch()], None) == ""
    assert "llm_judge" in session.lacking([ExactMatch(), LlmJudge()], None)
    assert session.lacking([LlmJudge()], "gpt") == session.lacking([LlmJudge(model="gpt")], None) == ""
    assert session.lacking([Jury(models=("a", "b"))], None) == Session("gpt").lacking([LlmJudge()], None) == ""
    assert [one.passed for one in session.verdicts(CASE, [ExactMatch()])] == [True]
    session.close()


def test_a_judge_is_a_model_of_the_platform_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An echo is no judge: its verdict is failed, and its questions are in a trace."""
    monkeypatch.setenv("PILOTHOUSE_HOME", str(tmp_path))
    session = Session("builtin/echo")
    (verdict,) = session.verdicts(CASE, [LlmJudge(criteria={"tone": "Polite."}, retries=0)])
    with pytest.raises(UnknownModel):
        session.verdicts(CASE, [LlmJudge()], "nobody")
    session.close()
    assert (verdict.status, verdict.passed, verdict.cost_nano) == ("failed", None, 0)
    assert verdict.trace_id is not None
    store = open_store(Settings(home=tmp_path))
    trace = Traces(store).get(verdict.trace_id)
    store.close()
    assert [span.name for span in trace.spans][:1] == ["evaluate llm_judge"]
