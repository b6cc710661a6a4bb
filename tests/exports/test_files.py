"""Traces as files: everything that spans hold comes back out of them, filtered, in bounded memory."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pyarrow import parquet

from pilothouse.call import Span
from pilothouse.errors import MissingExtra
from pilothouse.exports.files import write_jsonl, write_parquet
from pilothouse.exports.records import COLUMNS, Export
from pilothouse.observe import Drainer, Filters, SpoolRecorder, Traces
from pilothouse.settings import Settings
from pilothouse.storage import Spool, open_store

from ..observe.making import full_span, step


@pytest.fixture
def traces(tmp_path: Path) -> Iterator[Traces]:
    """450 bare traces, and one of two spans with every field."""
    home = tmp_path / "home"
    store = open_store(Settings(home=home))
    spool = Spool.open(home, 1 << 26)
    recorder = SpoolRecorder(spool)
    root = full_span(trace_id="full", id="root", tags=["a", "b"], feature="search", prompt="answer@3")
    spans: list[Span] = [root, step("inner", "root", trace_id="full", kind="tool")]
    spans += [step("root", trace_id=f"t{n:03}", at=n, user_id=f"u{n % 10}") for n in range(450)]
    for span in spans:
        recorder.record(span)
    drainer = Drainer(spool, store, home)
    drainer.flush()
    yield Traces(store)
    drainer.stop()
    spool.close()
    store.close()


def test_lines_hold_everything(traces: Traces) -> None:
    out = io.BytesIO()
    found = Export(traces, "default", Filters())
    write_jsonl(found, out)
    records = [json.loads(line) for line in out.getvalue().splitlines()]
    assert (found.traces, found.spans, len(records)) == (451, 452, 452)
    full = next(record for record in records if record["span_id"] == "root" and record["trace_id"] == "full")
    assert list(full) == list(COLUMNS)
    assert (full["input_tokens"], full["cost_nano"], full["tags"]) == (1000, 4_500_000, ["a", "b"])
    assert json.loads(full["input"])["messages"][0]["content"] == "What was the revenue?"
    assert json.loads(full["attributes"])["gen_ai.request.stream"] is True
    assert json.loads(full["versions"])["deployment"] == "openai/gpt-4o"


def test_parquet_holds_the_same_with_types(traces: Traces, tmp_path: Path) -> None:
    path = tmp_path / "traces.parquet"
    write_parquet(Export(traces, "default", Filters()), path)
    table = parquet.read_table(path)
    assert table.column_names == list(COLUMNS)
    assert table.num_rows == 452
    (full,) = (row for row in table.to_pylist() if row["trace_id"] == "full" and row["span_id"] == "root")
    assert isinstance(full["start_us"], datetime)
    assert full["start_us"].tzinfo == UTC or str(full["start_us"].tzinfo) == "UTC"
    assert (full["output_tokens"], full["tags"], full["cost_known"]) == (200, ["a", "b"], True)
    assert not list(tmp_path.glob("*.part"))


def test_filters_limits_and_no_payload(traces: Traces) -> None:
    assert len({r["trace_id"] for r in Export(traces, "default", Filters(user_id="u3"))}) == 45
    assert len(list(Export(traces, "default", Filters(), limit=7))) <= 8
    assert list(Export(traces, "shop", Filters())) == []
    bare = list(Export(traces, "default", Filters(feature="search"), payload=False))
    assert {record["input"] for record in bare} == {None}


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "traces.parquet"
    path.write_bytes(b"old")

    def broken() -> Iterator[dict[str, object]]:
        yield dict.fromkeys(COLUMNS)
        raise OSError("the database is gone")

    with pytest.raises(OSError, match="is gone"):
        write_parquet(broken(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="parquet"):
        write_parquet([], tmp_path / "traces.parquet")
