"""A month of the ledger held against a vendor's own export, by day and model. Reads both, changes neither."""

import re
from dataclasses import asdict, dataclass
from datetime import date, timedelta

from pilothouse.errors import InvalidRequest
from pilothouse.observe.costs.exports import Export
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.types import Json

__all__ = ["Difference", "Reconciliation", "month_days", "reconcile", "to_json"]

_EPOCH = date(1970, 1, 1)
_DATED = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


@dataclass(frozen=True, slots=True)
class Difference:
    """One model on one day. Ours and theirs; theirs is None where the export does not say. Amounts are nano-USD."""

    day: date
    model: str
    our_input: int
    our_output: int
    our_nano: int
    unpriced: int
    their_input: int | None
    their_output: int | None
    their_nano: int | None

    @property
    def agrees(self) -> bool:
        """Whether tokens are the same, and costs within a hundredth of a cent or a thousandth of theirs."""
        tokens = (self.their_input in (None, self.our_input)) and (self.their_output in (None, self.our_output))
        if self.their_nano is None:
            return tokens
        return tokens and abs(self.our_nano - self.their_nano) <= max(100_000, abs(self.their_nano) // 1000)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of it. `coverage` is the share of what the vendor billed (in USD, else in tokens) that the ledger has
    for the same day and model, at most 1; None where the vendor billed nothing."""

    month: str
    vendor: str
    rows: list[Difference]
    our_nano: int
    their_nano: int | None
    coverage: float | None

    @property
    def differences(self) -> list[Difference]:
        """Where the two disagree."""
        return [row for row in self.rows if not row.agrees]


@dataclass(slots=True)
class _Sum:
    read: int | None = None
    written: int | None = None
    nano: int | None = None
    unpriced: int = 0

    def add(self, read: int | None, written: int | None, nano: int | None) -> None:
        self.read = _plus(self.read, read)
        self.written = _plus(self.written, written)
        self.nano = _plus(self.nano, nano)


def reconcile(export: Export, ledger: Ledger, month: str, provider: str | None = None) -> Reconciliation:
    """Compare `month` (`2026-11`). `provider` is the provider kind of the ledger's entries to compare, the export's
    vendor where left out. Names that differ in a trailing date alone are one model. Raises InvalidRequest."""
    first, end = month_days(month)
    ours: dict[tuple[int, str], _Sum] = {}
    theirs: dict[tuple[int, str], _Sum] = {}
    for row in ledger.by_model(first, end, provider or export.vendor or None):
        total = ours.setdefault((row.day, _family(row.model)), _Sum())
        total.add(row.input_tokens, row.output_tokens, row.nano)
        total.unpriced += row.unpriced
    for billed in export.rows:
        if first <= billed.day < end:
            place = billed.day, _family(billed.model)
            theirs.setdefault(place, _Sum()).add(billed.input_tokens, billed.output_tokens, billed.nano)
    nothing = _Sum()
    rows = [
        _difference(place, ours.get(place, nothing), theirs.get(place), export)
        for place in sorted(ours.keys() | theirs.keys())
    ]
    billed_nano = [row.their_nano for row in rows if row.their_nano is not None]
    return Reconciliation(
        month, export.vendor, rows, sum(row.our_nano for row in rows), sum(billed_nano) if billed_nano else None,
        _coverage(rows),
    )  # fmt: skip


def to_json(report: Reconciliation) -> Json:
    """A reconciliation as JSON: the totals, and the places where the two disagree."""
    return {
        "month": report.month, "vendor": report.vendor, "our_nano": report.our_nano, "their_nano": report.their_nano,
        "coverage": report.coverage, "compared": len(report.rows),
        "differences": [{**asdict(row), "day": str(row.day)} for row in report.differences],
    }  # fmt: skip


def month_days(month: str) -> tuple[int, int]:
    """The first day of a month, and of the one after. Raises InvalidRequest unless it is written as `2026-11`."""
    try:
        first = date.fromisoformat(f"{month}-01")
        following = (first + timedelta(days=31)).replace(day=1)
    except (ValueError, OverflowError):
        raise InvalidRequest(f"'{month}' is no month: write it as 2026-11.", param="month") from None
    return (first - _EPOCH).days, (following - _EPOCH).days


def _difference(place: tuple[int, str], ours: _Sum, theirs: _Sum | None, export: Export) -> Difference:
    """A model that the export does not name on that day counts as nothing in what the export tells of at all."""
    told = theirs or _Sum(
        0 if any(row.input_tokens is not None for row in export.rows) else None,
        0 if any(row.output_tokens is not None for row in export.rows) else None,
        0 if any(row.nano is not None for row in export.rows) else None,
    )
    return Difference(
        _EPOCH + timedelta(days=place[0]), place[1], ours.read or 0, ours.written or 0, ours.nano or 0, ours.unpriced,
        told.read, told.written, told.nano,
    )  # fmt: skip


def _coverage(rows: list[Difference]) -> float | None:
    pairs = [(row.our_nano, row.their_nano) for row in rows if row.their_nano is not None]
    if not sum(theirs for _, theirs in pairs):
        pairs = [
            (row.our_input + row.our_output, (row.their_input or 0) + (row.their_output or 0))
            for row in rows if row.their_input is not None or row.their_output is not None
        ]  # fmt: skip
    billed = sum(theirs for _, theirs in pairs)
    return sum(min(ours, theirs) for ours, theirs in pairs) / billed if billed > 0 else None


def _family(model: str) -> str:
    return _DATED.sub("", model.strip().lower())


def _plus(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else a + b
