"""Files of items, read line by line, and lines that are read back."""

from pathlib import Path
from typing import Any

import pytest

from pilothouse.errors import InvalidRequest
from pilothouse.evals.datasets import files
from pilothouse.evals.datasets.files import line_of, read_items, read_lines
from pilothouse.storage.evaluating.dataset_items import NewItem


def test_json_lines_come_back_as_they_were(tmp_path: Path) -> None:
    items = [
        NewItem(input="first"),
        NewItem(
            input={"q": ["ü", None]}, expected=0, context=("a", "b"), metadata={"n": 1.5}, split="test", key="k",
            source_trace="t", source_span="s", source_user="u",
        ),
        NewItem(input=False, expected=""),
    ]  # fmt: skip
    path = tmp_path / "items.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(line_of(item) for item in items))
    assert [*read_items(path)] == items


def test_a_csv_holds_texts_and_json(tmp_path: Path) -> None:
    path = tmp_path / "items.CSV"
    path.write_text(
        "\ufeffinput,expected,context,metadata,level\r\n"
        '"two\nlines, one cell",42,"[""p""]","{""a"": 1}",\r\n\r\n'
        '"""quoted""",{no json,,,hard\r\n',
        newline="",
    )
    assert [*read_items(path)] == [
        NewItem(input="two\nlines, one cell", expected="42", context=("p",), metadata={"a": 1}),
        NewItem(input="quoted", expected="{no json", metadata={"level": "hard"}),
    ]


@pytest.mark.parametrize("wrapped", ["[%s]", '{"data": [%s], "meta": {"page": 1}}', '{"items": [%s]}'])
def test_a_document_of_json_is_a_list_or_has_one(wrapped: str) -> None:
    document = wrapped % '{"input": 1}, {"input": 2, "status": "ARCHIVED", "expectedOutput": null}, {"input": 3}'
    assert [item.input for item in read_lines(document.encode().splitlines(True), "json")] == [1, 3]


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows: Any = [{"input": f"q{i}", "expected": None, "context": ["a"], "metadata": '{"i": 1}'} for i in range(1500)]
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "items.parquet")
    read = [*read_items(tmp_path / "items.parquet")]
    assert len(read) == 1500
    assert read[-1] == NewItem(input="q1499", context=("a",), metadata={"i": 1})
    (tmp_path / "bad.parquet").write_bytes(b"no")
    with pytest.raises(InvalidRequest, match=r"bad\.parquet: is no Parquet file"):
        [*read_items(tmp_path / "bad.parquet")]


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("jsonl", b'{"input": 1}\n\n{"input": ', "f, line 3: is no JSON"),
        ("jsonl", b'{"input": 1}\n{"expected": 1}', "f, line 2: `input` is missing"),
        ("jsonl", b'{"input": 1, "id": "a"}\n{"input": 2, "id": "a"}', "f, line 2: the `id` is that of line 1: 'a'"),
        ("jsonl", b'{"input": "\xff"}', "f, line 1: is no JSON"),
        ("csv", b"", "f: is empty: its first line must name the columns"),
        ("csv", b"input,b\n1,2,3\n", "f, line 2: has 3 cells, the first line 2 columns"),
        ("csv", b'input\n"never closed', "f, line 2: is no CSV"),
        ("csv", b"input\n\xff\n", "f, line 2: is not UTF-8"),
        ("csv", b"text\n1\n", "f, line 2: `input` is missing; there is `text`"),
        ("json", b"1", "f: is neither a list of items nor an object"),
        ("json", b'[{"input": 1}, 2]', "f, item 2: is no JSON object"),
        ("json", b"[", "f: is no JSON"),
        ("parquet", b"", "f: Parquet is read from a file"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_place(kind: Any, text: bytes, said: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        [*read_lines(text.splitlines(True), kind, name="f")]
    assert said in error.value.message


def test_what_is_no_file_of_items_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match=r"none\.csv: cannot be read: No such file"):
        [*read_items(tmp_path / "none.csv")]
    with pytest.raises(InvalidRequest, match=r"items\.txt: say what it is: \.jsonl"):
        [*read_items(tmp_path / "items.txt")]
    monkeypatch.setattr(files, "_LARGEST_LINE", 2**20)
    monkeypatch.setattr(files, "_LARGEST", 2**20)
    (tmp_path / "long.jsonl").write_bytes(b'{"input": 1}\n"' + b"x" * 2**20 + b'"')
    with pytest.raises(InvalidRequest, match=r"long\.jsonl, line 2: has more than 1 MiB"):
        [*read_items(tmp_path / "long.jsonl")]
    with pytest.raises(InvalidRequest, match="has more than 1 MiB: write it as JSON Lines"):
        [*read_lines([b"x" * 2**19] * 3, "json")]
