import pytest
from prometheus_client.parser import text_string_to_metric_families

from pilothouse.observe import Metrics
from pilothouse.observe import metrics as module

from .making import full_span, step


def _samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def _value(metrics: Metrics, name: str, **labels: str) -> float:
    found = [v for (n, have), v in _samples(metrics).items() if n == name and labels.items() <= dict(have).items()]
    assert len(found) == 1, f"{name}: {found}"
    return found[0]


def test_a_model_call_is_counted_under_opentelemetry_names() -> None:
    metrics = Metrics()
    metrics.observe(full_span())
    metrics.observe(full_span())
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "fast",
        "gen_ai_response_model": "gpt-4o",
    }
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_count", **labels, error_type="") == 2
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_sum", **labels) == pytest.approx(0.24)
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_bucket", **labels, le="0.16") == 2
    assert _value(metrics, "gen_ai_client_operation_duration_seconds_bucket", **labels, le="0.08") == 0
    assert _value(metrics, "gen_ai_client_operation_time_to_first_chunk_seconds_count", **labels) == 2
    assert _value(metrics, "gen_ai_client_token_usage_sum", **labels, gen_ai_token_type="input") == 2000
    assert _value(metrics, "gen_ai_client_token_usage_sum", **labels, gen_ai_token_type="output") == 400
    assert _value(metrics, "pilothouse_cost_usd_total", provider="openai", model="gpt-4o") == pytest.approx(0.009)
    assert _value(metrics, "pilothouse_unpriced_calls_total", provider="openai", model="gpt-4o") == 0


def test_what_callers_see_of_a_call() -> None:
    metrics = Metrics()
    metrics.observe(full_span(ttft_us=20_000))
    metrics.observe(full_span(ttft_us=20_000, status="error", error_code="provider_timeout"))
    assert _value(metrics, "gen_ai_server_time_to_first_token_seconds_count", gen_ai_request_model="fast") == 1
    assert _value(metrics, "gen_ai_server_time_to_first_token_seconds_bucket", le="0.02") == 1
    assert _value(metrics, "gen_ai_server_time_to_first_token_seconds_bucket", le="0.01") == 0
    assert _value(metrics, "gen_ai_server_time_per_output_token_seconds_sum") == pytest.approx(0.1 / 199)
    for whole in ("gen_ai_server_request_duration_seconds_count", "gen_ai_client_operation_duration_seconds_count"):
        assert _value(metrics, whole, error_type="") == 1
        assert _value(metrics, whole, error_type="provider_timeout") == 1


def test_errors_and_unknown_prices_are_told_apart() -> None:
    metrics = Metrics()
    metrics.observe(full_span(error_code="provider_timeout", status="error", usage=None, cost_nano=None, ttft_us=None))
    metrics.observe(full_span(cost_nano=None, cost_known=False))
    name = "gen_ai_client_operation_duration_seconds_count"
    assert _value(metrics, name, error_type="provider_timeout") == 1
    assert _value(metrics, name, error_type="") == 1
    assert _value(metrics, "pilothouse_unpriced_calls_total") == 1
    assert _value(metrics, "pilothouse_cost_usd_total") == 0


def test_a_span_without_a_model_is_no_trouble() -> None:
    metrics = Metrics()
    metrics.observe(step("a"))
    assert (
        _value(metrics, "gen_ai_client_operation_duration_seconds_count", gen_ai_operation_name="invoke_workflow") == 1
    )


def test_requests() -> None:
    metrics = Metrics()
    for status in (200, 200, 429):
        metrics.request("/v1/embeddings", status)
    assert _value(metrics, "pilothouse_requests_total", endpoint="/v1/embeddings", status="200") == 2
    metrics.in_flight += 1
    assert _value(metrics, "pilothouse_in_flight_requests") == 1
    metrics.in_flight -= 1
    assert _value(metrics, "pilothouse_in_flight_requests") == 0


def test_names_that_callers_make_up_do_not_grow_the_series_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_SERIES", 5)
    metrics = Metrics()
    for i in range(50):
        metrics.observe(full_span(request_model=f"made-up-{i}", error_code="model_not_found"))
    name = "gen_ai_client_operation_duration_seconds_count"
    models = {dict(labels)["gen_ai_request_model"] for (n, labels) in _samples(metrics) if n == name}
    assert len(models) == 6
    assert _value(metrics, name, gen_ai_request_model="_OTHER") == 45


def test_hostile_label_values_stay_values() -> None:
    metrics = Metrics()
    metrics.observe(full_span(request_model='x"} 1\nforged_metric 7\n', response_model="\u202e\0"))
    assert ("forged_metric", frozenset()) not in _samples(metrics)


def test_figures_that_live_elsewhere() -> None:
    metrics = Metrics()
    waiting = [3.0]
    metrics.pull("gauge", "waiting", "What waits.", lambda: waiting[0])
    metrics.pull("counter", "passed", "What passed.", lambda: 7)
    waiting[0] = 4.0
    assert _value(metrics, "waiting") == 4
    assert _value(metrics, "passed_total") == 7


def test_two_platforms_in_one_process_do_not_mix() -> None:
    first, second = Metrics(), Metrics()
    first.request("/v1/models", 200)
    assert not any(name == "pilothouse_requests_total" for name, _ in _samples(second))
