"""A bound is never below what the call turns out to cost."""

from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot
from hypothesis import given
from hypothesis import strategies as st

from pilothouse.access.bounds import DEFAULT_OUTPUT, MOST_OUTPUT, PER_IMAGE, bound, first_unpriced, input_tokens
from pilothouse.ids import now_us
from pilothouse.observe import PriceOverride, Prices
from pilothouse.single import ModerationRequest, RerankRequest
from pilothouse.types import ChatRequest, EmbedRequest, Json, ModelRequest, Usage

PRICES = Prices([PriceOverride("pool", "llama", Decimal(1), Decimal(10))])
AT = now_us()


@dataclass(frozen=True)
class _Provider:
    name: str = "openai"


@dataclass(frozen=True)
class _Candidate:
    price_kind: str
    model: str
    provider: _Provider = field(default_factory=_Provider)


POOL = _Candidate("self-hosted", "llama", _Provider("pool"))
GPT = _Candidate("openai", "gpt-4o")


def chat(text: object = "hello", **fields: object) -> ChatRequest:
    return ChatRequest({"model": "fast", "messages": [{"role": "user", "content": text}], **fields})


def test_the_dearest_candidate_counts_once_for_each_attempt() -> None:
    request = chat(max_tokens=100)
    cheap, tokens, _ = bound(PRICES, (GPT,), request, 1, AT)
    dear = bound(PRICES, (GPT, _Candidate("openai", "gpt-4")), request, 1, AT).nano
    assert cheap is not None
    assert dear is not None
    assert cheap < dear
    assert bound(PRICES, (GPT,), request, 3, AT) == (3 * cheap, 3 * tokens, True)


def test_a_price_of_ones_own_counts_under_the_name_of_the_provider() -> None:
    request = chat(max_tokens=100)
    read = input_tokens(request)
    assert bound(PRICES, (POOL,), request, 1, AT) == (read * 1000 + 100 * 10_000, read + 100, True)


def test_no_price_is_no_bound_but_still_tokens() -> None:
    unknown = _Candidate("self-hosted", "llama")
    nano, tokens, complete = bound(PRICES, (unknown,), chat(max_tokens=100), 1, AT)
    assert nano is None
    assert not complete
    assert tokens > 100
    assert bound(PRICES, (unknown, POOL), chat(), 1, AT)[::2] == (bound(PRICES, (POOL,), chat(), 1, AT).nano, False)
    assert first_unpriced(PRICES, [POOL, unknown], chat(), AT) == "'llama' at 'openai'"
    assert first_unpriced(PRICES, [POOL, GPT], chat(), AT) is None


@pytest.mark.parametrize(
    "request_",
    [
        EmbedRequest.check({"model": "m", "input": "x"}),
        RerankRequest.check({"model": "m", "query": "x", "documents": ["y"]}),
        ModerationRequest.check({"model": "m", "input": "x"}),
    ],
)
def test_who_writes_nothing_needs_no_price_of_output(request_: ModelRequest) -> None:
    embedder = _Candidate("openai", "text-embedding-3-small")
    assert first_unpriced(PRICES, [embedder], request_, AT) is None
    assert first_unpriced(PRICES, [embedder], chat(), AT) == "'text-embedding-3-small' at 'openai'"
    unknown = _Candidate("self-hosted", "llama")
    assert first_unpriced(PRICES, [embedder, unknown], request_, AT) == "'llama' at 'openai'"


@pytest.mark.parametrize(
    ("fields", "policy", "output"),
    [
        ({}, None, DEFAULT_OUTPUT),
        ({}, 300, 300),
        ({"max_tokens": 50}, 300, 50),
        ({"max_completion_tokens": 60}, 300, 60),
        ({"max_tokens": 50, "n": 3}, None, 150),
        ({"max_tokens": 10**30}, None, MOST_OUTPUT),
        ({"max_tokens": 50, "n": 10**30}, None, MOST_OUTPUT),
    ],
)
def test_how_much_output_is_reserved(fields: Json, policy: int | None, output: int) -> None:
    request = chat(**fields)
    assert bound(PRICES, (GPT,), request, 1, AT, output=policy).tokens == input_tokens(request) + output


@given(st.text())
def test_a_text_has_no_more_tokens_than_bytes(text: str) -> None:
    assert input_tokens(chat(text)) >= len(text.encode())
    assert input_tokens(chat([{"type": "text", "text": text}])) >= len(text.encode())
    assert input_tokens(EmbedRequest({"model": "e", "input": [text, text]})) == 2 * len(text.encode())


def test_everything_that_is_sent_counts() -> None:
    tool: Json = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
    plain = input_tokens(chat())
    assert input_tokens(chat(tools=[tool])) >= plain + len("look_up")
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {"description": "d" * 500}}}
    assert input_tokens(chat(response_format=schema)) >= plain + 500
    called = {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": "x" * 900}}]}
    assert input_tokens(ChatRequest({"model": "m", "messages": [called]})) > 900


def test_an_image_gets_an_allowance_however_long_its_data() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    assert PER_IMAGE <= input_tokens(chat([image])) < PER_IMAGE + 100


def test_prompts_and_token_ids() -> None:
    assert input_tokens(ChatRequest({"model": "m", "prompt": [1, 2, 3]}, "text_completion")) >= 3
    assert input_tokens(EmbedRequest({"model": "m", "input": [[1, 2, 3], [4, 5]]})) == 5
    assert bound(PRICES, (GPT,), EmbedRequest({"model": "m", "input": [1, 2, 3]}), 1, AT).tokens == 3


NAMES = [
    ("anthropic", "claude-sonnet-4-5"), ("anthropic", "claude-3-5-haiku-latest"), ("openai", "gpt-4o"),
    ("openai", "o3"), ("google", "gemini-2.5-pro"), ("openai", "gpt-4.1-mini"),
]  # fmt: skip


@given(
    name=st.sampled_from(NAMES),
    usage=st.tuples(*[st.integers(0, 300_000)] * 2),
    parts=st.tuples(*[st.floats(0, 1)] * 3),
)
def test_no_usage_within_the_bound_costs_more(
    name: tuple[str, str], usage: tuple[int, int], parts: tuple[float, float, float]
) -> None:
    """Also where the tokens are cached, or written to the cache, which costs more than plain input at Anthropic."""
    read, said = usage
    cached = int(read * parts[0])
    written = int((read - cached) * parts[1])
    most = PRICES.most(*name, read, said, AT)
    cost = PRICES.cost(*name, Usage(read, said, cached, written, int(said * parts[2])), AT)
    assert most is not None
    assert cost is not None
    assert cost <= most


def test_the_tables_know_these_models() -> None:
    assert {provider.id for provider in get_snapshot().providers} >= {name for name, _ in NAMES}


def test_a_model_that_writes_nothing_needs_no_price_of_output() -> None:
    embedder = _Candidate("openai", "text-embedding-3-small")
    request = EmbedRequest.check({"model": "vectors", "input": "hello"})
    assert bound(PRICES, (embedder,), request, 1, AT).complete
    assert not bound(PRICES, (embedder,), chat(max_tokens=1), 1, AT).complete
