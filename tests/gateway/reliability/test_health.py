import pytest

from pilothouse.config import Resilience
from pilothouse.errors import (
    ContentFiltered,
    ContextTooLong,
    ProviderAuth,
    ProviderError,
    ProviderProtocolError,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from pilothouse.gateway.reliability.health import Health, Latency, Vitals

from ..clock import Clock

RULES = Resilience(failures=3, error_share=0.5, window=30, cool_down=15)
DOWN = ProviderUnavailable("down")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def vitals() -> Vitals:
    return Vitals()


def fail(vitals: Vitals, clock: Clock, times: int = 3, error: ProviderError = DOWN) -> None:
    for _ in range(times):
        vitals.failed(error, clock.now, RULES)


def test_failures_in_a_row_open_the_breaker(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock, 2)
    vitals.answered(clock.now, RULES)
    fail(vitals, clock, 2)
    assert vitals.breaker(clock.now) == "closed"
    assert vitals.admit(clock.now)
    fail(vitals, clock, 1)
    assert vitals.breaker(clock.now) == "open"
    assert not vitals.admit(clock.now)


def test_a_share_of_failures_opens_it_too(vitals: Vitals, clock: Clock) -> None:
    for number in range(9):
        vitals.answered(clock.now, RULES)
        if number % 2:
            vitals.failed(DOWN, clock.now, RULES)
    assert vitals.breaker(clock.now) == "closed"  # 4 of 13
    for _ in range(5):
        vitals.failed(DOWN, clock.now, RULES)
        vitals.failures = 0  # never so many in a row
    assert vitals.breaker(clock.now) == "open"  # 9 of 18


def test_what_happened_before_the_window_is_forgotten(vitals: Vitals, clock: Clock) -> None:
    patient = RULES.model_copy(update={"failures": 100})
    for _ in range(9):
        vitals.failed(DOWN, clock.now, patient)
    clock.now += 31
    for _ in range(9):
        vitals.failed(DOWN, clock.now, patient)
    assert vitals.breaker(clock.now) == "closed"
    clock.now += 5
    vitals.failed(DOWN, clock.now, patient)
    assert vitals.breaker(clock.now) == "open"


def test_half_open_lets_one_call_through_at_a_time(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock)
    clock.now += 14.9
    assert not vitals.admit(clock.now)
    clock.now += 0.2
    assert vitals.breaker(clock.now) == "half-open"
    assert [vitals.admit(clock.now) for _ in range(3)] == [True, False, False]


def test_a_probe_that_fails_opens_it_again_and_one_that_succeeds_closes_it(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock)
    clock.now += 16
    fail(vitals, clock, 1)
    assert vitals.breaker(clock.now) == "open"
    clock.now += 16
    assert vitals.breaker(clock.now) == "half-open"
    vitals.answered(clock.now, RULES)
    assert vitals.breaker(clock.now) == "closed"
    assert vitals.failures == 0
    fail(vitals, clock, 1)  # what led to the opening is not held against it
    assert vitals.breaker(clock.now) == "closed"


def test_a_providers_retry_after_lengthens_the_cool_down_and_never_shortens_it(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock, error=ProviderUnavailable("maintenance", retry_after=60))
    clock.now += 59
    assert vitals.breaker(clock.now) == "open"
    fail(Vitals(), clock)
    short = Vitals()
    fail(short, clock, error=ProviderUnavailable("overloaded", retry_after=1))
    clock.now += 2
    assert short.breaker(clock.now) == "open"


def test_too_many_requests_are_busy_not_broken(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock, 10, RateLimited("busy", retry_after=20))
    assert vitals.breaker(clock.now) == "closed"
    assert not vitals.admit(clock.now)
    clock.now += 20
    assert vitals.admit(clock.now)
    fail(vitals, clock, 1, RateLimited("busy"))
    assert not vitals.admit(clock.now)
    clock.now += 1
    assert vitals.admit(clock.now)


def test_a_retry_after_of_a_month_is_not_believed(vitals: Vitals, clock: Clock) -> None:
    fail(vitals, clock, 1, RateLimited("quota", retry_after=2_000_000))
    fail(vitals, clock, 3, ProviderUnavailable("gone", retry_after=2_000_000))
    clock.now += 301
    assert vitals.admit(clock.now)


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (ProviderTimeout("x"), True),
        (ProviderAuth("x"), True),
        (ProviderProtocolError("x"), True),
        (ProviderRejected("no such model", upstream_status=404), True),
        (ProviderRejected("bad parameter", upstream_status=400), False),
        (ContextTooLong("x"), False),
        (ContentFiltered("x"), False),
    ],
)
def test_only_a_deployments_own_failures_count(
    vitals: Vitals, clock: Clock, error: ProviderError, counts: bool
) -> None:
    fail(vitals, clock, 10, error)
    assert (vitals.breaker(clock.now) == "open") is counts
    assert not counts or vitals.cause is type(error)


def test_a_failed_check_takes_it_out_and_a_passed_one_brings_it_back(vitals: Vitals, clock: Clock) -> None:
    vitals.open_for(60, clock.now, ProviderAuth)
    assert (vitals.breaker(clock.now), vitals.cause) == ("open", ProviderAuth)
    vitals.back(clock.now)
    assert vitals.breaker(clock.now) == "closed"


def test_after_a_failed_check_one_failure_is_enough(vitals: Vitals, clock: Clock) -> None:
    vitals.open_for(60, clock.now, ProviderUnavailable)
    clock.now += 61
    assert vitals.admit(clock.now)
    fail(vitals, clock, 1)
    assert vitals.breaker(clock.now) == "open"


def test_a_passed_check_lets_a_probe_through_to_what_calls_found_broken(vitals: Vitals, clock: Clock) -> None:
    vitals.back(clock.now)
    assert vitals.breaker(clock.now) == "closed"
    fail(vitals, clock)
    vitals.back(clock.now)
    assert vitals.breaker(clock.now) == "half-open"


def test_latency_is_averaged_and_its_p95_is_that_of_the_last_samples() -> None:
    latency = Latency()
    assert (latency.average, latency.p95) == (None, None)
    latency.add(1.0)
    assert latency.average == 1.0
    latency.add(2.0)
    assert latency.average == pytest.approx(1.2)
    latency = Latency()
    for number in range(1, 20):
        latency.add(float(number))
    assert latency.p95 is None
    latency.add(20.0)
    assert latency.p95 == 19.0
    for _ in range(128):
        latency.add(7.0)
    assert latency.p95 == 7.0


def test_states_tell_how_each_deployment_is(clock: Clock) -> None:
    health = Health(clock)
    health.of("b").streamed.add(0.25)
    health.of("b").in_flight = 2
    fail(health.of("a"), clock)
    fail(health.of("a"), clock, 1, RateLimited("busy", retry_after=5))
    a, b = health.states()
    assert (a.id, a.breaker, a.failures, a.opens_in, a.busy_for) == ("a", "open", 3, 15.0, 5.0)
    assert (b.id, b.breaker, b.in_flight, b.ttft, b.ttft_p95, b.opens_in) == ("b", "closed", 2, 0.25, None, 0.0)


def test_the_share_of_errors_is_that_of_the_worst_window(vitals: Vitals, clock: Clock) -> None:
    patient = RULES.model_copy(update={"failures": 100, "error_share": 1.0})
    for number in range(9):
        vitals.answered(clock.now, patient)
        assert vitals.error_share(clock.now) is None, number
    vitals.failed(DOWN, clock.now, patient)
    assert vitals.error_share(clock.now) == 0.1
    for _ in range(10):
        vitals.answered(clock.now, patient.model_copy(update={"window": 60}))
    assert vitals.error_share(clock.now) == 0.1
    clock.now += 31
    assert vitals.error_share(clock.now) == 0.0


def test_names_that_callers_make_up_do_not_fill_the_memory(clock: Clock) -> None:
    health = Health(clock)
    fail(health.of("broken"), clock)
    health.of("working").in_flight = 1
    for number in range(5000):
        health.of(str(number))
    names = {state.id for state in health.states()}
    assert len(names) == 4096
    assert {"broken", "working"} <= names
