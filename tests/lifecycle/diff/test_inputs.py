"""On what two versions are compared."""

from collections.abc import Callable

import pytest

from pilothouse.app import Platform
from pilothouse.errors import InvalidRequest, NotFound
from pilothouse.lifecycle.diff.inputs import dataset_inputs, recorded_inputs
from pilothouse.observe.listing import Filters

ALL = Filters()


def test_the_cases_of_a_version(platform: Platform, dataset: str) -> None:
    found = dataset_inputs(platform.store, "default", "questions@1", limit=3)
    assert ([case.id for case in found.cases], found.told) == (["q0", "q1", "q2"], "dataset questions@1")
    assert found.dataset is not None
    assert found.dataset[1] == 1
    with pytest.raises(InvalidRequest, match="has no cases in the split 'test'"):
        dataset_inputs(platform.store, "default", "questions", split="test")
    for reference in ("none", "questions@7"):
        with pytest.raises(NotFound):
            dataset_inputs(platform.store, "default", reference)


def test_recorded_chats_with_what_they_were_asked_with(platform: Platform, recorded: Callable[..., None]) -> None:
    recorded("one two", temperature=0.5, user="somebody", tools=[])
    recorded("elsewhere", endpoint="/v1/messages")
    recorded("a judge's", endpoint=None, request_id="eval_1")
    found = recorded_inputs(platform.store, "default", ALL, limit=10)
    (case,) = found.cases
    assert case.input == {
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "one two"}]
    }
    assert (case.output, case.trace_id, case.metadata["source_trace"]) == ("one two", case.id, case.id)
    assert case.latency_s is not None
    assert case.cost_nano == 0
    assert found.requests == {case.id: {"model": "default", "temperature": 0.5, "tools": []}}
    assert found.left_out == {"asked at /v1/messages": 1, "asked by evaluation": 1}


def test_a_sample_is_seeded(platform: Platform, recorded: Callable[..., None]) -> None:
    recorded(*(f"text {n}" for n in range(12)))
    one, same, other = (
        [case.id for case in recorded_inputs(platform.store, "default", ALL, limit=5, seed=seed).cases]
        for seed in (1, 1, 2)
    )
    assert one == same
    assert len(one) == 5
    assert one != other
    none = Filters(model="nobody")
    with pytest.raises(InvalidRequest, match="No recorded chat can be asked again"):
        recorded_inputs(platform.store, "default", none, limit=5)
