"""Spools of answers of a home where nothing was ever run. Those of dead processes: tests/evals/runs/test_book.py."""

from pathlib import Path

from pilothouse.evals.runs.recovery import take_over
from pilothouse.storage import Store


def test_where_nothing_was_run_there_is_nothing_to_take_over(small_store: Store, tmp_path: Path) -> None:
    assert take_over(small_store, tmp_path) == {}
