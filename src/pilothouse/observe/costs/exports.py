"""What vendors say they billed, read from their usage and cost exports. Knows nothing of our own ledger.

    OpenAI      JSON pages of /v1/organization/usage/completions (and .../embeddings) and /v1/organization/costs
    Anthropic   JSON pages of /v1/organizations/usage_report/messages and /v1/organizations/cost_report
                the console's CSV of usage (usage_date_utc, model_version, usage_input_tokens_no_cache, ...)
    any         CSV with a header: date, model, input_tokens, output_tokens, cost_usd, as far as they are there

Shapes: https://developers.openai.com/api/docs/api-reference/usage and
https://platform.claude.com/docs/en/api/admin/cost_report. A file may hold one page or a list of pages.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from pilothouse.errors import InvalidRequest
from pilothouse.types import Json

__all__ = ["Billed", "Export", "read_export"]

_NANO = 9
_CENTS = Decimal("0.01")
_EPOCH = date(1970, 1, 1)
_UNREADABLE = (KeyError, TypeError, ValueError, InvalidOperation, AttributeError, OverflowError, OSError)
"""What odd fields lead to; OSError is how a time beyond the calendar fails."""

# Headers of the exports that people download, by what they mean; compared in lower case.
_COLUMNS = {
    "date": ("date", "day", "usage_date_utc", "start_time_iso", "starting_at", "start_time"),
    "model": ("model", "model_version", "line_item", "description"),
    "input": ("input_tokens", "prompt_tokens", "n_context_tokens_total"),
    "output": ("output_tokens", "usage_output_tokens", "completion_tokens", "n_generated_tokens_total"),
    "cost": ("cost_usd", "amount_value", "cost", "amount"),
}
# Anthropic's report splits the input; ours counts all of it.
_INPUT_PARTS = (
    "usage_input_tokens_no_cache", "uncached_input_tokens", "cache_read_input_tokens", "usage_input_tokens_cache_read",
    "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Billed:
    """What a vendor counted for one model on one day (UTC, since 1970-01-01). None where the export says nothing."""

    day: int
    model: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    nano: int | None = None
    requests: int | None = None


@dataclass(frozen=True, slots=True)
class Export:
    """A vendor's export. `vendor` is `openai`, `anthropic`, or empty where the file does not tell."""

    vendor: str
    rows: list[Billed]


def read_export(data: bytes, name: str = "the export") -> Export:
    """Read a JSON or CSV export. Raises InvalidRequest naming `name` and the line or field that cannot be read."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{name}: is neither JSON nor CSV in UTF-8.") from None
    if text.lstrip()[:1] in ("{", "["):
        return _read_json(text, name)
    return Export("", list(_read_csv(text, name)))


def _read_json(text: str, name: str) -> Export:
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidRequest(f"{name}: is not valid JSON: {error}.") from None
    vendors, rows = set(), []
    pages = given if isinstance(given, list) else [given]
    for number, bucket in enumerate(bucket for page in pages for bucket in _list(page, "data")):
        anthropic = "starting_at" in bucket
        vendors.add("anthropic" if anthropic else "openai")
        try:
            day = _day(bucket["starting_at"] if anthropic else bucket["start_time"])
            results = _list(bucket, "results") or _list(bucket, "result")
            rows += [_anthropic(day, row) if anthropic else _openai(day, row) for row in results]
        except _UNREADABLE as error:
            raise InvalidRequest(f"{name}: bucket {number} cannot be read: {error!r}.") from None
    if not vendors:
        raise InvalidRequest(f"{name}: holds no buckets under 'data'. Export usage or costs by day and model.")
    return Export(vendors.pop() if len(vendors) == 1 else "", rows)


def _openai(day: int, row: Json) -> Billed:
    """A result of the usage API (tokens, cached ones within the input) or of the costs API (USD by line item)."""
    if "amount" in row:
        nano = _nano(Decimal(str(row["amount"]["value"])))
        return Billed(day, _line_item(row.get("line_item") or ""), nano=nano)
    return Billed(
        day, row.get("model") or "", row["input_tokens"], row.get("output_tokens") or 0,
        requests=row.get("num_model_requests"),
    )  # fmt: skip


def _anthropic(day: int, row: Json) -> Billed:
    """A result of the usage report (input in parts) or of the cost report (cents, as a decimal text)."""
    if "amount" in row:
        nano = _nano(Decimal(row["amount"]) * _CENTS)
        return Billed(day, row.get("model") or row.get("description") or "", nano=nano)
    written = sum((row.get("cache_creation") or {}).values())
    read = row["uncached_input_tokens"] + row.get("cache_read_input_tokens", 0) + written
    return Billed(day, row.get("model") or "", read, row["output_tokens"])


def _read_csv(text: str, name: str) -> Iterator[Billed]:
    reader = csv.DictReader(io.StringIO(text))
    header = {column.strip().lower(): column for column in reader.fieldnames or () if column}
    columns = {what: header[n] for what, names in _COLUMNS.items() if (n := _first(names, header))}
    parts = [header[part] for part in _INPUT_PARTS if part in header]
    if "date" not in columns or not ({"input", "output", "cost"} & columns.keys() or parts):
        raise InvalidRequest(
            f"{name}: the first line must name its columns: date, model, input_tokens, output_tokens, cost_usd. "
            f"It has: {', '.join(header) or 'nothing'}."
        )
    for row in reader:
        try:
            billed = _csv_row(row, columns, parts)
        except _UNREADABLE as error:
            raise InvalidRequest(f"{name}:{reader.line_num}: cannot be read: {error}.") from None
        if (billed.input_tokens, billed.output_tokens, billed.nano) != (None, None, None):  # a bucket without calls
            yield billed


def _csv_row(row: Mapping[str, Any], columns: Mapping[str, str], parts: Iterable[str]) -> Billed:
    def cell(what: str) -> str:
        return (row.get(columns.get(what, "")) or "").strip()

    read = [int(row[part] or 0) for part in parts] or ([int(cell("input"))] if cell("input") else [])
    cost = cell("cost").lstrip("$").replace(",", "")
    return Billed(
        _day(cell("date")), _line_item(cell("model")), sum(read) if read else None,
        int(cell("output")) if cell("output") else None, _nano(Decimal(cost)) if cost else None,
    )  # fmt: skip


def _day(given: str | int | float) -> int:
    """A Unix time in seconds, an ISO date, or an RFC 3339 time."""
    if isinstance(given, str) and not given.isdecimal():
        moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    else:
        moment = datetime.fromtimestamp(int(given), UTC)
    return (moment.date() - _EPOCH).days


def _line_item(item: str) -> str:
    """The model of a line item such as `gpt-4o-2024-08-06, cached input`."""
    return item.partition(",")[0].strip()


def _nano(usd: Decimal) -> int:
    return round(usd.scaleb(_NANO))


def _list(holder: Any, name: str) -> list[Json]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _first(names: Iterable[str], header: Mapping[str, str]) -> str | None:
    return next((name for name in names if name in header), None)
