"""What counts as a call of a model."""

from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.observe.facts import State
from pilothouse.observe.rows import to_fact, to_row
from pilothouse.types import Usage

from .making import step

FAILED: dict[str, Any] = {"kind": "llm", "status": "error", "error_code": "rate_limit_exceeded", "request_model": "m"}


def calls(*spans: Span) -> list[str]:
    return [fact.id for fact in State(to_fact(span, to_row(span)) for span in spans).calls]


@pytest.mark.parametrize(
    ("fields", "counts"),
    [
        ({"source": "gateway", "deployment": "vendor/m"}, True),  # the vendor refused it
        ({"source": "gateway"}, False),  # a limit of ours did, so nobody was asked
        ({"source": "sdk"}, True),
        ({"source": "otlp", "kind": "embedding"}, True),
        ({"source": "sdk", "request_model": None}, False),
        ({"source": "sdk", "kind": "chain"}, False),
        ({"source": "sdk", "status": "ok", "error_code": None}, False),  # reception says what such a one may have cost
    ],
    ids=["vendor", "ours", "sdk", "embedding", "no-model", "chain", "well"],
)
def test_a_call_that_failed_before_it_cost_anything(fields: dict[str, Any], counts: bool) -> None:
    assert calls(step("root"), step("a", "root", **{**FAILED, **fields})) == ["a"] * counts


def test_a_failure_is_counted_where_it_happened_alone() -> None:
    """A client's own span stands around the gateway's."""
    client = step("client", "root", source="sdk", **FAILED)
    answered = step("answered", "client", kind="llm", deployment="vendor/m", usage=Usage(10, 2), cost_nano=5)
    refused = step("refused", "client", source="gateway", deployment="vendor/m", **FAILED)
    assert calls(step("root"), client, refused) == ["refused"]
    assert sorted(calls(step("root"), client, answered, refused)) == ["answered", "refused"]
