"""Why a trace went as it did, in words, from what its spans record."""

from decimal import Decimal
from typing import Any

import pytest

from pilothouse.call import Span
from pilothouse.observe.costs.price_note import price_note
from pilothouse.observe.costs.prices import PriceOverride, Prices
from pilothouse.observe.explain import explain
from pilothouse.observe.trace import Trace
from pilothouse.types import Usage

from .making import full_span, step


def _call(**changes: Any) -> Span:
    return full_span(trace_id="t", **{"attributes": {}, "source": "gateway", **changes})


def _told(span: Span, topic: str) -> str:
    (explained,) = explain(Trace("t", "default", [span]))
    return next((reason.text for reason in explained.reasons if reason.topic == topic), "")


@pytest.mark.parametrize(
    ("routing", "told"),
    [
        ("single", "only deployment of the alias"),
        ("weighted", "each by its weight"),
        ("least-busy 3 in flight", "the least busy of the alias, with 3 calls in flight"),
        ("latency 850 ms", "the fastest of the alias so far: 850 ms"),
        ("latency exploration", "chosen at random"),
        ("latency unknown", "not known yet"),
        ("cheapest", "the cheapest of the alias"),
        ("usage 40% left", "most room left in its own limits: 40%"),
        ("sticky", "stays warm"),
        ("rule 2 -> smart, cheapest", "Rule 2 of the alias applied and sent the call to 'smart'. It was the cheapest"),
        ("simple -> small, single", "judged to be simple, so 'small' was asked"),
        ("fallback server -> backup, weighted", "A fallback was needed (server): 'backup' was asked"),
        ("fallback any -> backup, weighted hedged", "A fallback was needed: 'backup' was asked"),
        ("by the moon", "Reason: by the moon."),
    ],
)
def test_how_a_call_came_to_its_deployment(routing: str, told: str) -> None:
    text = _told(_call(attributes={"routing": routing}), "deployment")
    assert text.startswith("'fast' was asked for, and openai/gpt-4o answered.")
    assert told in text


def test_skips_retries_and_hedges() -> None:
    attributes = {
        "routing": "weighted hedged", "passed_over": ["a/m: busy", "b/m: circuit open"], "hedged": "c/m",
        "attempt_1": "d/m: provider_unavailable", "attempt_2": "d/m: provider_timeout", "attempts": 3,
        "complexity": 0.73,
    }  # fmt: skip
    text = _told(_call(attributes=attributes), "deployment")
    assert "Passed over: a/m: busy; b/m: circuit open." in text
    assert "2 attempts failed before: d/m: provider_unavailable; d/m: provider_timeout." in text
    assert "c/m was asked beside it" in text
    assert "probability of 73%" in text


def test_a_request_that_names_its_deployment() -> None:
    text = _told(_call(request_model="openai/gpt-4o", attributes={"routing": "single"}), "deployment")
    assert text == "The request itself names openai/gpt-4o."


@pytest.mark.parametrize("how", ["exact", "semantic", "coalesced"])
def test_an_answer_of_a_cache_has_no_deployment_and_no_price(how: str) -> None:
    span = _call(attributes={"cache": how}, cost_nano=0)
    assert _told(span, "cache") != ""
    assert (_told(span, "deployment"), _told(span, "price")) == ("", "")


def test_what_no_cache_answered() -> None:
    text = _told(_call(attributes={"shaping_saved_tokens": 120}), "cache")
    assert text == (
        "No cache of ours answered. The provider's prompt cache held 400 tokens of the input (40%). "
        "Shaping had taken 120 tokens out of the request before it was sent."
    )


def test_refusals_failures_and_cuts() -> None:
    refused = _call(status="error", error_code="insufficient_quota", error_message="The budget key:k1 is used up.")
    assert _told(refused, "limits") == "A budget refused the call: The budget key:k1 is used up."
    assert _told(refused, "outcome") == ""
    failed = _call(status="error", error_code="provider_timeout", error_message="No answer.")
    assert _told(failed, "outcome") == "It failed after 120 ms: provider_timeout: No answer."
    assert "cut off after" in _told(_call(status="cancelled"), "outcome")
    cut = _call(attributes={"gen_ai.response.finish_reasons": ["length"]})
    assert "limit of its tokens" in _told(cut, "outcome")


def test_guards_and_unknown_prices() -> None:
    guard = step("pii", kind="guard", attributes={"verdict": "redacted 2 e-mail addresses"})
    assert _told(guard, "guard") == "The guard 'pii' said: redacted 2 e-mail addresses."
    assert "let it pass" in _told(step("pii", kind="guard"), "guard")
    names = ("guard", "guard_policy", "guard_stage", "guard_reason", "verdict")
    ours = dict(zip(names, ("pii", "p", "input", "2 found.", "redact"), strict=True))
    told = _told(step("guard pii", kind="guard", attributes=ours), "guard")
    assert told == "The guard 'pii' of the policy 'p' took out what it found, at the stage input: 2 found."
    assert "not known" in _told(_call(cost_nano=None, cost_known=False), "price")


def test_steps_without_anything_to_say_are_left_out() -> None:
    chain, retriever = step("chain"), step("find", "chain", kind="retriever")
    call = _call(parent_id="chain", prompt="answer@3", versions={"snapshot": "7-ab"})
    (explained,) = explain(Trace("t", "default", [chain, retriever, call]))
    assert (explained.span_id, explained.depth) == (call.id, 1)
    assert _told(call, "prompt") == "The prompt was answer@3. The configuration was Snapshot 7."


def test_the_sum_behind_a_price() -> None:
    contract = PriceOverride(
        "openai", "gpt-4o", Decimal("2.5"), Decimal(10), cache_read=Decimal("1.25"), start_us=1_704_067_200_000_000
    )
    prices = Prices([contract])
    usage = Usage(1000, 200, cached_tokens=400)
    nano = prices.cost("openai", "gpt-4o", usage, 1_790_000_000_000_000, provider="openai")
    span = _call(usage=usage, cost_nano=nano, start_us=1_790_000_000_000_000)
    assert price_note(prices, span) == (
        "600 input tokens x $2.5 per million + 400 cached input tokens x $1.25 per million + "
        "200 output tokens x $10.00 per million; a contract price, valid from 2024-01-01."
    )
    assert "another sum" in (price_note(prices, _call(usage=usage, cost_nano=1)) or "")
    assert price_note(prices, _call(usage=None)) is None
    listed = _call(usage=usage, cost_nano=Prices().cost("openai", "gpt-4o", usage, span.start_us))
    assert "the price list genai-prices" in (price_note(Prices(), listed) or "")
    local = _call(usage=usage, cost_nano=0, provider="builtin", deployment="builtin/echo")
    assert price_note(prices, local) == "it ran in this process."


def test_the_price_of_a_call_that_another_program_made() -> None:
    """It has no deployment, and perhaps no name but that which was asked for; no limit of ours counted it."""
    prices, usage = Prices(), Usage(1000, 200)
    fields: dict[str, Any] = {"source": "sdk", "deployment": None, "usage": usage, "response_model": None}
    nano = prices.cost("openai", "gpt-4o", usage, 1_790_000_000_000_000)
    priced = _call(**fields, request_model="gpt-4o", cost_nano=nano, start_us=1_790_000_000_000_000)
    for span in (priced, _call(**fields, request_model="gpt-4o", cost_nano=nano, provider=None)):
        assert (price_note(prices, span) or "").startswith("1,000 input tokens x $2.5 per million")
    assert "its sender stated it" in (price_note(prices, _call(**fields, request_model="gpt-4o", cost_nano=7)) or "")
    assert _told(priced, "limits") == ""
    assert "Nobody told how many tokens" in _told(_call(usage=None, cost_nano=None, cost_known=False), "price")
