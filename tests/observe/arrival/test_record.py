from typing import Any

import msgspec
import pytest

from pilothouse.call import Call, Span
from pilothouse.errors import Overloaded
from pilothouse.observe import SpoolRecorder
from pilothouse.types import Usage

from ..making import full_span


class _Memory:
    """A spool in memory."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def append(self, payload: bytes) -> None:
        self.records.append(payload)


def _recorded(span: Span) -> Span:
    memory = _Memory()
    SpoolRecorder(memory).record(span)
    return msgspec.msgpack.decode(memory.records[0], type=Span)


def test_a_span_survives_the_spool_unchanged() -> None:
    span = full_span()
    assert _recorded(span) == span


def test_recording_wakes_whoever_empties_the_spool() -> None:
    woken: list[int] = []
    recorder = SpoolRecorder(_Memory(), lambda: woken.append(1))
    recorder.record(full_span())
    assert woken == [1]


def test_a_full_spool_is_told_to_the_caller() -> None:
    class Full:
        def append(self, payload: bytes) -> None:
            raise Overloaded("full")

    woken: list[int] = []
    with pytest.raises(Overloaded):
        SpoolRecorder(Full(), lambda: woken.append(1)).record(full_span())
    assert woken == []


def test_finishing_a_step_of_a_call_records_it() -> None:
    memory = _Memory()
    with Call(SpoolRecorder(memory)).step("retrieve", "retriever"):
        assert memory.records == []
    assert msgspec.msgpack.decode(memory.records[0], type=Span).name == "retrieve"


def _nested(depth: int) -> Any:
    value: Any = "bottom"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (10**30, 2**63 - 1),
        (-(10**30), -(2**63 - 1)),
        ("lone \ud800 surrogate", "lone ? surrogate"),
        ({"key \udfff": 1}, {"key ?": 1}),
        ([{1, 2}], ["{1, 2}"]),
        ((1.5, None, True, 10**20), [1.5, None, True, 2**63 - 1]),
    ],
)
def test_what_msgpack_cannot_hold_is_tamed(value: Any, expected: Any) -> None:
    span = _recorded(full_span(input={"value": value, "forces taming": 10**30}))
    assert span.input is not None
    assert span.input["value"] == expected


def test_a_bottomless_payload_does_not_lose_the_span() -> None:
    span = full_span(input={"value": _nested(100_000)})
    kept = _recorded(span)
    assert kept.id == span.id
    assert kept.cost_nano == span.cost_nano


def test_absurd_token_counts_do_not_lose_the_span() -> None:
    span = full_span(usage=msgspec.structs.replace(Usage(), input_tokens=10**40))
    kept = _recorded(span)
    assert kept.usage is not None
    assert kept.usage.input_tokens == 2**63 - 1
