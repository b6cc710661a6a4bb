"""A recorded trace as a case."""

from typing import Any

from pilothouse.call import Span
from pilothouse.cases import Step
from pilothouse.evals.runs.templates import messages_of
from pilothouse.evals.traced import case_of
from pilothouse.evals.values import question
from pilothouse.observe.trace import Trace
from pilothouse.passages import format_passages
from pilothouse.types import MADE_FROM, Hit

from ..lifecycle.conftest import START, ask


def trace(*spans: Span) -> Trace:
    return Trace("t1", "default", sorted(spans, key=lambda span: span.start_us))


def step(at: float, kind: Any, given: Any = None, came: Any = None, **more: Any) -> Span:
    about = {"id": f"s{at}", "kind": kind, "parent_id": "root", "name": f"{kind} {at}", "usage": None,
             "cost_nano": None, "operation": None, "request_model": None}  # fmt: skip
    return ask(at, **{**about, "input": given, "output": came, **more})


def root(**more: Any) -> Span:
    return step(0, "agent", {"value": "How high is it?"}, {"value": "97 m."}, id="root", parent_id=None, **more)


def test_a_call_to_the_gateway_is_a_case() -> None:
    case = case_of(trace(ask(0, prompt="tower@2", environment="prod")))
    assert case is not None
    assert (case.id, question(case), case.output) == ("t1", "How high is the tower?", "97 metres.")
    assert (case.latency_s, case.cost_nano, case.trace_id) == (0.2, 1_000_000, "t1")
    assert case.metadata["prompt"] == "tower@2"
    assert case.metadata["deployment"] == "pool/small"
    assert (case.context, case.steps) == ((), ())


def test_a_call_of_a_prompt_is_a_case_with_the_variables_that_it_was_made_from() -> None:
    made: Any = {"name": "tower", "version": 2, "label": "production", "variables": {"q": "How high?"}}
    asked = {"model": "m", "temperature": 0, "messages": [{"role": "user", "content": "Q: How high?"}], MADE_FROM: made}
    case = case_of(trace(ask(0, prompt="tower@2", input=asked)))
    assert case is not None
    assert case.input == {"messages": asked["messages"], MADE_FROM: made}
    assert messages_of(case, None) == asked["messages"]


def test_a_program_with_retriever_and_tools() -> None:
    found = {"documents": [{"page_content": "It is 97 m."}, {"text": "It is old."}, "Built in 1890."]}
    spans = [
        root(end_us=START + 3_000_000), step(1, "retriever", {"value": "height"}, found),
        step(2, "tool", {"unit": "m"}, {"value": 97}), step(2.5, "tool", {"value": 3}, None, status="error"),
        ask(2.7, parent_id="root"),
    ]  # fmt: skip
    case = case_of(trace(*spans))
    assert case is not None
    assert (question(case), case.output) == ("How high is it?", "97 m.")
    assert case.context == ("It is 97 m.", "It is old.", "Built in 1890.")
    assert case.steps[0] == Step("tool 2", {"unit": "m"}, 97)
    assert case.steps[1].result == {"error": "error"}
    assert (case.latency_s, case.cost_nano) == (3.0, 1_000_000)


def test_the_passages_of_a_prompt_are_the_context_where_the_retriever_told_none() -> None:
    hits = [Hit("c1", "It is 97 m.", "tower.md", 0.9), Hit("c2", "It is old.", "tower.md", 0.5)]
    told = {"hits": [{"chunk_id": "c1", "place": "tower.md", "score": 0.9}]}
    asked = {"messages": [{"role": "user", "content": f"{format_passages(hits)}\n\nQuestion: How high?"}]}
    case = case_of(trace(root(), step(1, "retriever", {"query": "x"}, told), ask(2, parent_id="root", input=asked)))
    assert case is not None
    assert case.context == ("It is 97 m.", "It is old.")


def test_the_last_answer_stands_for_a_program_that_kept_none() -> None:
    last = {"choices": [{"message": {"content": "Done.", "tool_calls": None}}]}
    silent = root()
    silent.input = silent.output = None
    shadow = ask(9, parent_id="root", attributes={"shadow": True})
    case = case_of(trace(silent, ask(1, parent_id="root"), ask(2, parent_id="root", output=last), shadow))
    assert case is not None
    assert case.output == "Done."


def test_an_unknown_price_is_an_unknown_cost() -> None:
    case = case_of(trace(ask(0, cost_nano=None, cost_known=False)))
    assert case is not None
    assert case.cost_nano is None


def test_without_an_answer_there_is_no_case() -> None:
    assert case_of(trace(ask(0, input=None, output=None))) is None
    assert case_of(trace(ask(0, output={"choices": []}, input={"input": "(sealed)"}))) is None


def test_calls_of_tools_alone_are_an_answer() -> None:
    call = {"function": {"name": "look", "arguments": '{"at": "tower"}'}}
    case = case_of(trace(ask(0, output={"choices": [{"message": {"content": None, "tool_calls": [call]}}]})))
    assert case is not None
    assert (case.output, case.steps) == ("", (Step("look", {"at": "tower"}),))
