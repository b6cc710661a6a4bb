"""What makes outputs: models with templates, functions of both kinds that may ask, and data that has them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pilothouse.call import Call
from pilothouse.cases import Case
from pilothouse.errors import ConfigError, InvalidRequest, ProviderError
from pilothouse.evals.runs.subject import Asking, TaskFailed, function_of, subject_of
from pilothouse.evals.runs.suite import TaskSpec
from pilothouse.evals.runs.turns import Turn
from pilothouse.types import ChatResponse

from ..judges.conftest import Scripted, said
from .conftest import case


def run(spec: dict[str, Any], function: Any = None, chat: Scripted | None = None, of: Case | None = None) -> Case:
    chat = chat or Scripted("answered")
    turn = Turn(trace_id="t")
    asking = Asking(chat, Call(chat.recorder), "m")
    return asyncio.run(subject_of(TaskSpec(**spec), function).run(of or case(1), asking, turn))


def test_a_model_is_asked_what_the_templates_say() -> None:
    chat = Scripted("answered")
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say {input}"}]
    made = run({"model": "m", "messages": messages, "params": {"temperature": 0}}, chat=chat)
    assert made.output == "answered"
    assert chat.asked[0].body == {
        "model": "m", "temperature": 0, "messages": [messages[0], {"role": "user", "content": "Say in 1"}],
    }  # fmt: skip
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": '{"x": 1}'}}
    called = run({"model": "m"}, chat=Scripted(said(None, message={"tool_calls": [call]})))
    assert (called.output, called.steps[0].name, called.steps[0].arguments) == ("", "look", {"x": 1})
    with pytest.raises(TaskFailed, match=r"has no input\.q"):
        run({"model": "m", "messages": [{"role": "user", "content": "{input.q}"}]})


def test_functions_of_both_kinds_may_ask_and_say_more_than_a_text() -> None:
    def plain(one: Case) -> str:
        return f"<{one.input}>"

    def asks(one: Case, chat: Any) -> Any:
        answer = chat(f"Q {one.input}", model="other", temperature=0)
        return {"output": answer.text, "context": ["p"], "steps": [{"name": "s"}], "metadata": {"k": 1}}

    async def later(one: Case, chat: Any) -> ChatResponse:
        answer: ChatResponse = await chat([{"role": "user", "content": str(one.input)}])
        return answer

    spec = {"python": "mod:f"}
    assert run(spec, plain).output == "<in 1>"
    chat = Scripted("answered")
    whole = run(spec, asks, chat)
    assert (whole.output, whole.context, whole.steps[0].name, whole.metadata) == ("answered", ("p",), "s", {"k": 1})
    assert chat.asked[0].body["model"] == "other"
    assert run(spec, later).output == "answered"
    assert run(spec, lambda one: {"a": [1]}).output == '{"a": [1]}'
    assert run(spec, lambda one: Case(id="changed", input="i", output="o")).id == "c001"
    (span,) = [one for one in chat.recorder.spans if one.kind == "chain"]
    assert (span.name, span.input, span.output) == ("mod:f", {"input": "in 1"}, {"output": "answered"})


def test_what_a_function_raises_is_the_cases_own_error_and_the_gateways_passes() -> None:
    def breaks(one: Case) -> str:
        raise KeyError("x")

    with pytest.raises(TaskFailed, match="mod:f raised KeyError: 'x'"):
        run({"python": "mod:f"}, breaks)
    with pytest.raises(TaskFailed, match="cannot be read"):
        run({"python": "mod:f"}, lambda one: {"output": "x", "steps": 7})
    with pytest.raises(ProviderError):
        run({"python": "mod:f"}, lambda one, chat: chat("x"), Scripted(ProviderError("down")))


async def test_somebody_must_be_asked() -> None:
    with pytest.raises(InvalidRequest, match="Say which model"):
        await Asking(Scripted("x"), Call(Scripted("x").recorder))("hello")


def test_recorded_outputs_are_taken_and_missed() -> None:
    assert run({"recorded": True}, of=case(1, output="kept")).output == "kept"
    assert run({"recorded": True}, of=case(1, metadata={"output": ""})).output == ""
    with pytest.raises(TaskFailed, match="has no 'output'"):
        run({"recorded": True})


def test_a_function_is_found_beside_its_suite_or_told_to_be_missing(tmp_path: Path) -> None:
    (tmp_path / "tasks_of_suite.py").write_text("def answer(case):\n    return 'x'\n")
    (tmp_path / "breaking_tasks.py").write_text("1 / 0\n")
    assert function_of("tasks_of_suite:answer", tmp_path)(None) == "x"
    for path, told in (
        ("tasks_of_suite:anwser", "no function 'anwser'. Did you mean 'answer'"),
        ("no_such_module:x", "'no_such_module' cannot be imported"),
        ("breaking_tasks:x", "raises ZeroDivisionError when imported"),
    ):
        with pytest.raises(ConfigError, match=told):
            function_of(path, tmp_path)
