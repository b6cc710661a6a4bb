"""What the rollups tell: the same as the spans would, for any period and dimension."""

from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.errors import InvalidRequest
from pilothouse.observe.sums.figures import HOUR_US, Figures, Period
from pilothouse.storage import Store
from pilothouse.types import Usage

from ..conftest import Write
from ..making import step

_DAY = 24 * HOUR_US
_START = 20_000 * _DAY


def _call(number: int, at: int, **fields: Any) -> Span:
    given: dict[str, Any] = {
        "kind": "llm", "request_model": "m", "response_model": "m-1", "usage": Usage(100, 10), "cost_nano": 1000,
        "trace_id": f"t{number}", "start_us": at, "end_us": at + 1000 * (number + 1), "endpoint": "/v1/chat",
    }  # fmt: skip
    return step("a", **(given | fields))


@pytest.fixture
def figures(store: Store) -> Figures:
    return Figures(store)


def test_a_period_holds_what_began_in_it(write: Write, figures: Figures) -> None:
    write([_call(n, _START + n * HOUR_US) for n in range(48)])
    first = figures.total(Period(_START, _START + _DAY))
    assert (first.requests, first.calls, first.cost_nano, first.tokens) == (24, 24, 24_000, 2640)
    assert figures.total(Period(_START, _START + 30 * _DAY)).requests == 48
    assert Period(_START + _DAY, _START + 2 * _DAY).before() == Period(_START, _START + _DAY)


def test_quiet_hours_are_there_too(write: Write, figures: Figures) -> None:
    write([_call(0, _START), _call(1, _START + 3 * HOUR_US + 5)])
    series = figures.over_time(Period(_START, _START + 5 * HOUR_US))
    assert [amounts.requests for amounts in series.values()] == [1, 0, 0, 1, 0]
    assert list(series)[3] == _START + 3 * HOUR_US
    assert len(figures.over_time(Period(_START, _START + 30 * _DAY))) == 30


def test_the_dearest_come_first(write: Write, figures: Figures) -> None:
    write([_call(0, _START, response_model="small"), _call(1, _START, response_model="large", cost_nano=9000)])
    by_model = figures.by("model", Period(_START, _START + _DAY))
    assert list(by_model) == ["large", "small"]
    assert by_model["large"].nano_per_request is None  # requests are no part of a model's sums
    assert by_model["large"].cost_nano == 9000
    dearest = figures.by("model", Period(_START, _START + _DAY), limit=1)
    assert dearest["large"].histogram("call_latency") == by_model["large"].histogram("call_latency") != {}
    assert dearest == {"large": by_model["large"]}
    assert list(figures.by("model", Period(_START, _START + _DAY), among=["small", "none"])) == ["small"]
    assert figures.by("model", Period(_START, _START + _DAY), among=[]) == {}


def test_rates_and_percentiles(write: Write, figures: Figures) -> None:
    write([_call(n, _START, **({"status": "error", "error_code": "timeout"} if n < 5 else {})) for n in range(100)])
    total = figures.total(Period(_START, _START + HOUR_US))
    assert total.error_rate == 0.05
    p95 = total.percentile("latency", 0.95)
    assert p95 is not None
    assert abs(p95 / 95_000 - 1) < 0.05
    assert figures.by("error", Period(_START, _START + HOUR_US))["timeout"].failed == 5


def test_nothing_is_no_rate(figures: Figures) -> None:
    total = figures.total(Period(_START, _START + HOUR_US))
    assert (total.error_rate, total.hit_rate, total.tokens_per_request, total.percentile("ttft", 0.5)) == (None,) * 4


def test_what_is_no_period_or_dimension(figures: Figures) -> None:
    with pytest.raises(InvalidRequest, match="begins before"):
        Period(5, 5)
    with pytest.raises(InvalidRequest, match="no dimension"):
        figures.by("colour", Period(0, _DAY))
