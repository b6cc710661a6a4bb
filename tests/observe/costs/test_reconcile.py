"""A month of the ledger against what the vendor says."""

from datetime import date

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.observe.costs.exports import Billed, Export
from pilothouse.observe.costs.ledger import Ledger
from pilothouse.observe.costs.reconcile import month_days, reconcile
from pilothouse.storage import Store

from ..conftest import Write
from .test_charges import AT, DAY, settled

OTHERS = {"response_model": "llama-3.1-8b", "provider": "pool"}


@pytest.fixture
def ledger(write: Write, store: Store) -> Ledger:
    """Two calls of gpt-4o on one day, one on the next, one unpriced, and one of another provider."""
    day = 86_400_000_000
    write([
        settled(cost_nano=600, response_model="gpt-4o-2024-08-06"),
        settled(cost_nano=400, response_model="gpt-4o"),
        settled(cost_nano=500, start_us=AT + day),
        settled(cost_nano=None, cost_known=False, response_model="o3"),
        settled(cost_nano=9, **OTHERS),
        settled(cost_nano=7, start_us=AT + 30 * day),
    ])  # fmt: skip
    return Ledger(store)


def test_what_agrees_and_what_does_not(ledger: Ledger) -> None:
    export = Export(
        "openai",
        [
            Billed(DAY, "gpt-4o-2024-08-06", 150, 30, 600), Billed(DAY, "gpt-4o-2024-08-06", 50, 10, 400),
            Billed(DAY + 1, "gpt-4o", 900, 20, 10**9), Billed(DAY + 2, "gpt-4.1", 1, 1, 10**9),
            Billed(DAY + 40, "o3", 1, 1, 5),
        ],
    )  # fmt: skip
    report = reconcile(export, ledger, "2026-11")
    places = {(row.day, row.model): row for row in report.rows}
    assert places[date(2026, 11, 27), "gpt-4o"].agrees
    assert (places[date(2026, 11, 27), "gpt-4o"].our_nano, places[date(2026, 11, 27), "gpt-4o"].our_input) == (
        1000,
        200,
    )
    assert [(row.day.day, row.model) for row in report.differences] == [(27, "o3"), (28, "gpt-4o"), (29, "gpt-4.1")]
    assert places[date(2026, 11, 27), "o3"].unpriced == 1
    assert places[date(2026, 11, 27), "o3"].their_input == 0
    assert (report.our_nano, report.their_nano) == (1500, 1000 + 2 * 10**9)
    assert report.coverage == pytest.approx((1000 + 500) / (1000 + 2 * 10**9))


def test_an_export_of_tokens_alone(ledger: Ledger) -> None:
    report = reconcile(Export("openai", [Billed(DAY, "gpt-4o", 200, 40)]), ledger, "2026-11")
    assert report.their_nano is None
    assert report.coverage == 1.0
    assert [row.model for row in report.differences] == ["o3", "gpt-4o"]


def test_another_provider(ledger: Ledger) -> None:
    report = reconcile(Export("", [Billed(DAY, "llama-3.1-8b", nano=9)]), ledger, "2026-11", "pool")
    assert [row.model for row in report.rows] == ["llama-3.1-8b"]
    assert report.differences == []


def test_an_empty_month(ledger: Ledger) -> None:
    report = reconcile(Export("openai", []), ledger, "2020-01")
    assert (report.rows, report.coverage) == ([], None)


@pytest.mark.parametrize("month", ["", "2026", "2026-13", "2026-11-01", "11/2026", "9999-12"])
def test_a_month_is_written_in_one_way(month: str) -> None:
    with pytest.raises(InvalidRequest, match="write it as 2026-11"):
        month_days(month)
