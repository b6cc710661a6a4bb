"""Prices against genai-prices itself, and what must stay unknown."""

from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, TieredPrices
from hypothesis import given, settings
from hypothesis import strategies as st

from pilothouse.config import Price
from pilothouse.observe.costs.prices import PriceOverride, Prices, price_kind
from pilothouse.types import Usage

AT = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)


def _us(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp()) * 1_000_000  # type: ignore[arg-type]


def _names() -> list[tuple[str, str]]:
    """Every (provider, model) of the tables that finds itself under its own id."""
    providers = get_snapshot().providers
    return [(p.id, m.id) for p in providers for m in p.models if p.find_model(m.id, all_providers=providers)]


NAMES = _names()


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Token counts on both sides of the usual tiers, with parts that fit in their whole."""
    total = draw(st.one_of(st.integers(0, 5_000), st.integers(0, 2_000_000), st.sampled_from([128_000, 200_000])))
    cached = draw(st.integers(0, total))
    written = draw(st.integers(0, total - cached))
    said = draw(st.integers(0, 100_000))
    return Usage(total, said, cached, written, draw(st.integers(0, said)))


@settings(max_examples=1500, deadline=None)
@given(name=st.sampled_from(NAMES), usage=usages(), at=st.datetimes(datetime(2023, 1, 1), datetime(2027, 12, 31)))
def test_agrees_with_calc_price(name: tuple[str, str], usage: Usage, at: datetime) -> None:
    provider, model = name
    at = at.replace(tzinfo=UTC)
    at_us = int(at.timestamp()) * 1_000_000 + at.microsecond
    priced = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cached_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_reasoning_tokens=usage.reasoning_tokens,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=at,
    )
    ours = PRICES.cost(provider, model, usage, at_us)
    if ours is None:
        assert _unpriced_tokens(priced.model_price, usage)
    else:
        assert ours == int((priced.total_price * 10**9).quantize(Decimal(1), ROUND_HALF_UP))


PRICES = Prices()


def _unpriced_tokens(price: ModelPrice, usage: Usage) -> bool:
    """Whether calc_price counted some of the tokens as free for want of a price."""
    nothing = price.input_mtok is None and price.output_mtok is None
    return (
        nothing
        or (price.input_mtok is None and usage.input_tokens > 0)
        or (price.output_mtok is None and usage.output_tokens > 0)
    )


def test_the_tables_hold_what_the_property_is_about() -> None:
    models = [m for p in get_snapshot().providers for m in p.models]
    prices = [m.prices for m in models if isinstance(m.prices, ModelPrice)]
    assert len(NAMES) > 1000
    assert any(isinstance(value, TieredPrices) for price in prices for value in vars(price).values())
    assert any(isinstance(m.prices, list) for m in models)


def test_cached_tokens_are_part_of_input_and_cheaper() -> None:
    plain = PRICES.cost("openai", "gpt-4o", Usage(1000, 100), AT)
    cached = PRICES.cost("openai", "gpt-4o", Usage(1000, 100, cached_tokens=400), AT)
    assert plain == 1000 * 2500 + 100 * 10_000
    assert cached == 600 * 2500 + 400 * 1250 + 100 * 10_000


def test_cache_writes_cost_more_at_anthropic() -> None:
    assert (
        PRICES.cost("anthropic", "claude-3-7-sonnet-latest", Usage(1000, 0, cache_write_tokens=1000), AT) == 3_750_000
    )


def test_reasoning_is_inside_output() -> None:
    with_reasoning = PRICES.cost("openai", "o3", Usage(10, 500, reasoning_tokens=400), AT)
    assert with_reasoning == PRICES.cost("openai", "o3", Usage(10, 500), AT)


def test_a_tier_applies_to_all_tokens() -> None:
    below = PRICES.cost("google", "gemini-2.5-pro", Usage(200_000, 0), AT)
    above = PRICES.cost("google", "gemini-2.5-pro", Usage(200_001, 0), AT)
    assert below == 200_000 * 1250
    assert above == 200_001 * 2500


def test_a_price_that_depends_on_the_time_of_day() -> None:
    day = PRICES.cost("deepseek", "deepseek-chat", Usage(1_000_000, 0), _us(2025, 5, 1, 12))
    night = PRICES.cost("deepseek", "deepseek-chat", Usage(1_000_000, 0), _us(2025, 5, 1, 20))
    assert day is not None
    assert night is not None
    assert night < day


@pytest.mark.parametrize("kind", ["builtin", "rag"])
def test_local_providers_cost_exactly_nothing(kind: str) -> None:
    assert PRICES.cost(kind, "anything", MILLION, AT) == 0


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("openai", "llama-3.1-8b"),
        ("openai", "no-such-model"),
        ("no-such-provider", "gpt-4o"),
        ("self-hosted", "gpt-4o"),
        ("openai-compatible", "llama-3.1-8b-instant"),
        ("openai-compatible", "meta-llama/Llama-3.1-8B-Instruct"),
        ("openai-compatible", "gpt-oss-120b"),
        ("openai-compatible", "mistral-small-latest"),
        ("openai-compatible", ""),
        ("github-copilot", "gpt-4o"),
    ],
)
def test_unknown_is_none_and_never_zero(kind: str, model: str) -> None:
    assert PRICES.cost(kind, model, MILLION, AT) is None


def test_the_name_of_a_closed_model_is_enough_behind_an_unknown_address() -> None:
    for model, kind in [("gpt-4o", "openai"), ("claude-sonnet-4-5", "anthropic"), ("gemini-2.5-flash", "google")]:
        assert PRICES.cost("openai-compatible", model, MILLION, AT) == PRICES.cost(kind, model, MILLION, AT)


def test_bedrock_names_find_their_model() -> None:
    assert PRICES.cost("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0", Usage(1000, 0), AT) is not None


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("openai", None, "openai"),
        ("openai", "https://api.openai.com/v1", "openai"),
        ("openai", "https://api.groq.com/openai/v1", "groq"),
        ("openai", "https://team.openai.azure.com/openai", "azure"),
        ("openai", "http://10.0.0.5:8000/v1", "self-hosted"),
        ("openai", "http://localhost:11434/v1", "self-hosted"),
        ("openai", "http://[::1]:8000/v1", "self-hosted"),
        ("openai", "http://vllm:8000/v1", "self-hosted"),
        ("openai", "https://llm.team.internal/v1", "self-hosted"),
        ("openai", "https://llm.example.com/v1", "openai-compatible"),
        ("openai", "not a url", "self-hosted"),
        ("anthropic", "https://proxy.example.com", "anthropic"),
        ("builtin", "http://anything", "builtin"),
    ],
)
def test_price_kind(kind: str, url: str | None, expected: str) -> None:
    assert price_kind(kind, url) == expected


def test_contract_prices_win_while_they_hold() -> None:
    contract = PriceOverride("openai", "gpt-4o", Decimal(1), Decimal(4), start_us=AT, end_us=AT + 10)
    newer = PriceOverride("openai", "gpt-4o", Decimal("0.5"), Decimal(2), start_us=AT + 5)
    prices = Prices([contract, newer])
    listed = PRICES.cost("openai", "gpt-4o", MILLION, AT)
    assert prices.cost("openai", "gpt-4o", MILLION, AT - 1) == listed
    assert prices.cost("openai", "gpt-4o", MILLION, AT) == 5 * 10**9
    assert prices.cost("openai", "gpt-4o", MILLION, AT + 7) == 2_500_000_000


def test_a_contract_prices_what_runs_at_home() -> None:
    contract = PriceOverride(
        "self-hosted", "llama-3.1-8b", Decimal("0.02"), Decimal("0.02"), Decimal(0), per_request=Decimal("0.001")
    )
    usage = Usage(1000, 500, cached_tokens=400)
    assert Prices([contract]).cost("self-hosted", "llama-3.1-8b", usage, AT) == (600 + 500) * 20 + 1_000_000


def test_impossible_usage_never_raises() -> None:
    cost = PRICES.cost("openai", "gpt-4o", Usage(10, 5, cached_tokens=50, reasoning_tokens=99), AT)
    assert cost is not None
    assert cost >= 0


def test_invented_names_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pilothouse.observe.costs.prices._MODELS_KEPT", 3)
    prices = Prices()
    for number in range(10):
        assert prices.cost("self-hosted", f"model-{number}", MILLION, AT) is None
    assert len(prices._book._schedules) == 3


POOL = {"provider": "pool", "model": "llama-3.1-8b"}


def _of(**fields: object) -> PriceOverride:
    return PriceOverride.of(Price.model_validate({**POOL, **fields}))


def test_a_pool_of_ones_own_is_priced_under_its_name_in_the_configuration() -> None:
    prices = Prices([_of(input=1, output=2), PriceOverride("self-hosted", "llama-3.1-8b", Decimal(7), Decimal(7))])
    assert prices.cost("self-hosted", "llama-3.1-8b", MILLION, AT, provider="pool") == 3 * 10**9
    assert prices.cost("self-hosted", "llama-3.1-8b", MILLION, AT, provider="other") == 14 * 10**9
    assert prices.cost("self-hosted", "another", MILLION, AT, provider="pool") is None


def test_the_price_of_a_machine_of_ones_own() -> None:
    price = _of(gpu_hour="1.80", tokens_per_hour=3_600_000)
    assert Prices([price]).cost("self-hosted", "llama-3.1-8b", Usage(1000, 1000), AT, provider="pool") == 1_000_000


def test_a_price_holds_on_its_days_the_last_included() -> None:
    price = _of(input=1, output=1, valid_from="2026-03-01", valid_until="2026-03-31")
    prices = Prices([price])

    def cost(*when: int) -> int | None:
        return prices.cost("self-hosted", "llama-3.1-8b", MILLION, _us(*when), provider="pool")

    assert cost(2026, 2, 28, 23, 59, 59) is None
    assert cost(2026, 3, 1) == 2 * 10**9
    assert cost(2026, 3, 31, 23, 59, 59) == 2 * 10**9
    assert cost(2026, 4, 1) is None


@pytest.mark.parametrize(("kind", "model"), [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-5")])
def test_the_batch_lane_costs_half_at_openai_and_anthropic(kind: str, model: str) -> None:
    usage = Usage(1000, 100, cached_tokens=400)
    ordinary = PRICES.cost(kind, model, usage, AT)
    assert ordinary is not None
    assert PRICES.cost(kind, model, usage, AT, batch=True) == ordinary // 2


def test_the_batch_discount_of_a_contract() -> None:
    def cost(kind: str, **fields: object) -> int | None:
        price = Price.model_validate({"provider": kind, "model": "m", "input": 1, "output": 1, **fields})
        kept = Price.model_validate(price.model_dump(mode="json"))  # as a Snapshot comes back from the database
        return Prices([PriceOverride.of(kept)]).cost(kind, "m", MILLION, AT, batch=True)

    assert cost("openai") == 10**9
    assert cost("openai", batch_discount=0) == 2 * 10**9
    assert cost("groq") == 2 * 10**9
    assert cost("groq", batch_discount=0.25) == 1_500_000_000


def test_prices_are_replaced_at_once() -> None:
    prices = Prices()
    listed = prices.cost("openai", "gpt-4o", MILLION, AT)
    prices.replace([PriceOverride("openai", "gpt-4o", Decimal(1), Decimal(1))])
    assert prices.cost("openai", "gpt-4o", MILLION, AT) == 2 * 10**9
    prices.replace([])
    assert prices.cost("openai", "gpt-4o", MILLION, AT) == listed


def test_a_stream_that_was_cut_off_is_priced_by_what_came() -> None:
    """The provider named the input at the start; the output was counted from the text until the client left."""
    cut = Usage(1000, 37, cached_tokens=800, estimated=True)
    assert PRICES.cost("openai", "gpt-4o", cut, AT) == 200 * 2500 + 800 * 1250 + 37 * 10_000


def test_cached_tokens_of_a_contract_without_a_rate_for_them_cost_as_input_once() -> None:
    prices = Prices([_of(input=1, output=1)])
    usage = Usage(1000, 0, cached_tokens=400, cache_write_tokens=300)
    assert prices.cost("self-hosted", "llama-3.1-8b", usage, AT, provider="pool") == 1_000_000
