from typing import Any

import pytest

from pilothouse.call import Reservation, Span
from pilothouse.ids import new_id
from pilothouse.lifecycle.scoring.sampling import EVALUATION, Marked, fits, is_evaluation, place, sampled
from pilothouse.observe.rows import to_row
from pilothouse.scoring import OnlineRule, Traffic
from pilothouse.testing.record import MemoryRecorder

from ..conftest import ask


def rule(share: float = 1, **when: list[str]) -> OnlineRule:
    return OnlineRule.model_validate({"share": share, "when": when, "evaluators": ["refusal"]})


def taken(rule_: OnlineRule, *spans: Span) -> list[str]:
    return [trace for _, _, trace in sampled({"r": rule_}, [to_row(span) for span in spans])]


def test_a_share_of_the_traces_is_taken_the_same_everywhere() -> None:
    spans = [ask(n, trace_id=new_id()) for n in range(2000)]
    small, large = taken(rule(0.1), *spans), taken(rule(0.5), *spans)
    assert 130 < len(small) < 270
    assert 900 < len(large) < 1100
    assert set(small) < set(large), "what a smaller share takes a larger one takes too"
    assert taken(rule(0.1), *reversed(spans)) == small[::-1]
    assert place("0190a1b2") == pytest.approx(0.74547, abs=1e-5), "another version of the program takes the same"


def test_nothing_and_everything() -> None:
    assert taken(rule(0), ask(0)) == []
    assert len(taken(rule(1), ask(0), ask(1))) == 2
    assert taken(rule(1), ask(0, trace_id="a"), ask(1, trace_id="a")) == ["a"]


FILTERS: list[tuple[dict[str, list[str]], dict[str, Any]]] = [
    ({"models": ["fast"]}, {}),
    ({"models": ["pool/small"]}, {}),
    ({"prompts": ["support@3"]}, {"prompt": "support@3"}),
    ({"prompts": ["support"]}, {"prompt": "support@3"}),
    ({"features": ["help"]}, {"feature": "help"}),
    ({"environments": ["prod"]}, {"environment": "prod"}),
    ({"endpoints": ["/v1/x"]}, {"endpoint": "/v1/x"}),
    ({"releases": ["r7"]}, {"release": "r7"}),
    ({"tags": ["beta"]}, {"tags": ["alpha", "beta"]}),
]


@pytest.mark.parametrize(("when", "said"), FILTERS, ids=lambda one: ",".join(one))
def test_each_filter(when: dict[str, list[str]], said: dict[str, Any]) -> None:
    other = ask(0, trace_id="o", request_model="m", response_model="m", deployment="m")
    mine = ask(0, trace_id="a", **said)
    assert taken(rule(1, **when), mine, other) == ["a"]
    assert fits(Traffic(**when), "default", [other, mine])
    assert not fits(Traffic(**when), "default", [other])


def test_all_filters_hold_for_the_trace_as_a_whole() -> None:
    when = {"models": ["fast"], "environments": ["prod"]}
    root = ask(0, trace_id="a", request_model=None, response_model=None, deployment=None, environment="prod")
    assert taken(rule(1, **when), root) == ["a"], "the model may come with another span"
    assert not fits(Traffic(**when), "default", [root])
    assert fits(Traffic(**when), "default", [root, ask(1)])


def test_projects() -> None:
    assert taken(rule(1, projects=["shop"]), ask(0), ask(0, trace_id="s", project_id="shop")) == ["s"]
    assert not fits(Traffic(projects=["shop"]), "default", [ask(0)])


def test_evaluations_own_traffic_is_never_taken() -> None:
    recorder = MemoryRecorder()
    marked, run = ask(0), ask(1, request_id="eval_0123")
    Marked(recorder, "online/r").record(marked)
    assert marked.attributes[EVALUATION] == "online/r"
    assert taken(rule(1), marked, run) == []
    assert is_evaluation([ask(2), marked])
    assert is_evaluation([run])
    assert not is_evaluation([ask(2)])
    Marked(recorder, "x").record(Reservation("r", "default", "t", 0, 1, [], 0, 0))
    assert len(recorder.spans) == 1
