"""Exports in the vendors' documented shapes."""

import json
from datetime import date

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.costs.exports import Billed, read_export

DAY = (date(2024, 11, 1) - date(1970, 1, 1)).days  # 1730419200
NEXT = DAY + 1


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _page(result: object, **bucket: object) -> dict[str, object]:
    return {"object": "page", "data": [{**bucket, "results": [result]}], "has_more": False, "next_page": None}


OPENAI_USAGE = {
    "object": "organization.usage.completions.result", "input_tokens": 1000, "output_tokens": 500,
    "input_cached_tokens": 800, "num_model_requests": 5, "project_id": None, "model": "gpt-4o-2024-08-06",
}  # fmt: skip
OPENAI_COSTS = {
    "object": "organization.costs.result", "amount": {"value": 0.06, "currency": "usd"},
    "line_item": "gpt-4o-2024-08-06, cached input", "project_id": None,
}  # fmt: skip
ANTHROPIC_USAGE = {
    "uncached_input_tokens": 1500,
    "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
    "cache_read_input_tokens": 200, "output_tokens": 500, "server_tool_use": {"web_search_requests": 10},
    "api_key_id": None, "workspace_id": None, "model": "claude-sonnet-4-20250514", "service_tier": "standard",
}  # fmt: skip
ANTHROPIC_COSTS = {
    "currency": "USD", "amount": "123.78912", "workspace_id": None, "description": "Claude Sonnet 4 Usage",
    "cost_type": "tokens", "context_window": "0-200k",
    "model": "claude-sonnet-4-20250514", "token_type": "output_tokens",
}  # fmt: skip


@pytest.mark.parametrize(
    ("page", "vendor", "billed"),
    [
        (_page(OPENAI_USAGE, start_time=1730419200), "openai", Billed(DAY, "gpt-4o-2024-08-06", 1000, 500, requests=5)),
        (_page(OPENAI_COSTS, start_time=1730419200), "openai", Billed(DAY, "gpt-4o-2024-08-06", nano=60_000_000)),
        (
            _page(ANTHROPIC_USAGE, starting_at="2024-11-01T00:00:00Z", ending_at="2024-11-02T00:00:00Z"),
            "anthropic",
            Billed(DAY, "claude-sonnet-4-20250514", 3200, 500),
        ),
        (
            _page(ANTHROPIC_COSTS, starting_at="2024-11-01T00:00:00Z"),
            "anthropic",
            Billed(DAY, "claude-sonnet-4-20250514", nano=1_237_891_200),
        ),
    ],
)
def test_pages_of_the_vendors_interfaces(page: object, vendor: str, billed: Billed) -> None:
    assert read_export(_json(page)).vendor == vendor
    assert read_export(_json(page)).rows == [billed]
    assert read_export(_json([page, page])).rows == [billed, billed]


def test_any_csv_that_names_its_columns() -> None:
    text = (
        "Date,Model,input_tokens,Output_Tokens,cost_usd\n2024-11-01,gpt-4o,10,5,0.25\n2024-11-02T23:59:00Z,o3,,,$1.5\n"
    )
    assert read_export(text.encode("utf-8-sig")).rows == [
        Billed(DAY, "gpt-4o", 10, 5, 250_000_000),
        Billed(NEXT, "o3", None, None, 1_500_000_000),
    ]
    cost = "start_time,start_time_iso,amount_value,amount_currency,line_item\n"
    cost += "1730419200,2024-11-01T00:00:00+00:00,0.5,usd,gpt-4o\n"
    assert read_export(cost.encode()).rows == [Billed(DAY, "gpt-4o", nano=500_000_000)]


def test_the_consoles_csv_splits_the_input() -> None:
    header = (
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,"
        "usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
        "usage_output_tokens,web_search_count,inference_geo,speed\n"
    )
    row = "2024-11-01,claude-sonnet-4-20250514,key,Default,standard,≤ 200k,1000,30,20,400,500,0,global,\n"
    assert read_export((header + row).encode()).rows == [Billed(DAY, "claude-sonnet-4-20250514", 1450, 500)]


def test_rows_of_buckets_without_calls_are_left_out() -> None:
    assert read_export(b"start_time,model,input_tokens,output_tokens\n1730419200,,,\n").rows == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "neither JSON nor CSV"),
        (b"{", "not valid JSON"),
        (b"{}", "no buckets"),
        (b"[1]", "no buckets"),
        (b'{"data": [{"starting_at": "soon", "results": [{}]}]}', "bucket 0"),
        (b'{"data": [{"start_time": 0, "results": [{"amount": 5}]}]}', "bucket 0"),
        (b'{"data": [{"start_time": 99999999999999999, "results": []}]}', "bucket 0"),
        (b'{"data": [{"start_time": 0, "results": [{"amount": {"value": "inf"}}]}]}', "bucket 0"),
        (b"date,model,cost_usd\n99999999999999999,m,1\n", "bill.csv:2"),
        (b"", "the first line must name its columns"),
        (b"a,b\n1,2\n", "It has: a, b"),
        (b"date,model,cost_usd\n2024-11-01,m,1\n2024-13-01,m,1\n", "bill.csv:3"),
        (b"date,model,cost_usd\n2024-11-01,m,much\n", "bill.csv:2"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(data: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        read_export(data, "bill.csv")
