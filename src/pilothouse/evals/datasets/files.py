"""Items from files and into them: JSON Lines, CSV, Parquet, or one JSON document. Knows nothing of databases.

Lines are read one by one; of a JSON document, which is held whole, at most 64 MiB are read.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

from pilothouse.errors import InvalidRequest, MissingExtra
from pilothouse.evals.datasets.records import item_of_record
from pilothouse.storage.evaluating.dataset_items import NewItem

__all__ = ["Format", "line_of", "read_items", "read_lines", "read_records"]

Format = Literal["jsonl", "json", "csv", "parquet"]

_LARGEST_LINE = 16 * 1024 * 1024
_LARGEST = 64 * 1024 * 1024
_GROUP = 1000
_ENDINGS: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".parquet": "parquet",
}  # fmt: skip
_UNITS: dict[Format, str] = {"jsonl": "line", "json": "item", "csv": "line", "parquet": "row"}
_Columns = dict[str, str] | None
_TOLD = (
    "input", "expected", "context", "metadata", "split", "source_trace", "source_span", "source_user",
)  # fmt: skip


def read_items(path: Path, kind: Format | None = None, columns: _Columns = None) -> Iterator[NewItem]:
    """The items of a file, in its order; `kind` is told by its ending unless given, `columns` are those of
    `item_of_record`. Raises InvalidRequest naming file, line and key; MissingExtra for Parquet without pyarrow."""
    kind = _kind(path, kind)
    yield from _items(_numbered(path, kind), path.name, _UNITS[kind], columns)


def read_records(path: Path, kind: Format | None = None) -> Iterator[tuple[str, Any]]:
    """What stands in a file, each value with the words for where, before any is made an item. Raises the same."""
    kind = _kind(path, kind)
    for number, record in _numbered(path, kind):
        yield f"{path.name}, {_UNITS[kind]} {number}", record


def _kind(path: Path, kind: Format | None) -> Format:
    kind = kind or _ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise InvalidRequest(f"{path.name}: say what it is: {', '.join(_ENDINGS)}.", param="format")
    return kind


def _numbered(path: Path, kind: Format) -> Iterator[tuple[int, Any]]:
    try:
        if kind == "parquet":
            yield from _parquet(path)
            return
        with path.open("rb") as file:
            yield from _reader(kind)(_lines(file.readline, path.name), path.name)
    except OSError as error:
        raise InvalidRequest(f"{path.name}: cannot be read: {error.strerror or error}.") from None


def read_lines(
    lines: Iterable[bytes], kind: Format = "jsonl", columns: _Columns = None, name: str = "the file"
) -> Iterator[NewItem]:
    """The same for what is no file yet: JSONL, JSON or CSV, line by line."""
    if kind == "parquet":
        raise InvalidRequest(f"{name}: Parquet is read from a file.", param="format")
    yield from _items(_reader(kind)(lines, name), name, _UNITS[kind], columns)


def _reader(kind: Format) -> Callable[[Iterable[bytes], str], Iterator[tuple[int, Any]]]:
    return {"jsonl": _jsonl, "json": _json, "csv": _csv}[kind]


def line_of(item: NewItem) -> bytes:
    """The item as a line of JSON Lines, which `read_lines` reads back. Empty fields are left out."""
    told = {name: value for name in _TOLD if (value := getattr(item, name)) not in (None, (), {}) or name == "input"}
    return msgspec.json.encode(told if item.key is None else {"id": item.key, **told}) + b"\n"


def _items(records: Iterable[tuple[int, Any]], name: str, unit: str, columns: _Columns) -> Iterator[NewItem]:
    keys = dict[str, int]()
    for number, record in records:
        where = f"{name}, {unit} {number}"
        item = item_of_record(record, where, columns)
        if item is None:
            continue
        if item.key is not None and (before := keys.setdefault(item.key, number)) != number:
            raise InvalidRequest(f"{where}: the `id` is that of {unit} {before}: '{item.key[:80]}'.", param="id")
        yield item


def _lines(readline: Callable[[int], bytes], name: str) -> Iterator[bytes]:
    number = 1
    while line := readline(_LARGEST_LINE + 1):
        if len(line) > _LARGEST_LINE:
            raise InvalidRequest(f"{name}, line {number}: has more than {_LARGEST_LINE >> 20} MiB.")
        yield line
        number += 1


def _jsonl(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, 1):
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if text:
            yield number, _decoded(text, f"{name}, line {number}")


def _json(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, Any]]:
    """A list of records, or an object with them in `data` or `items`, as APIs answer."""
    whole = bytearray()
    for line in lines:
        whole += line
        if len(whole) > _LARGEST:
            raise InvalidRequest(f"{name}: has more than {_LARGEST >> 20} MiB: write it as JSON Lines.")
    document = _decoded(bytes(whole).removeprefix(b"\xef\xbb\xbf"), name)
    if isinstance(document, dict):
        document = next((document[key] for key in ("data", "items") if isinstance(document.get(key), list)), document)
    if not isinstance(document, list):
        raise InvalidRequest(f"{name}: is neither a list of items nor an object with one in `data` or `items`.")
    yield from enumerate(document, 1)


def _csv(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, Any]]:
    """Cells that hold a JSON object, list or string are taken as that; every other is a text. Empty ones are absent."""
    texts = _texts(lines, name)
    # The module's own bound, 128 KiB a cell, is process-wide: a longer cell is told like every other fault.
    reader = csv.reader(texts, strict=True)
    try:
        header = next(reader, None)
        if not header:
            raise InvalidRequest(f"{name}: is empty: its first line must name the columns.")
        for row in reader:
            if len(row) > len(header):
                told = f"has {len(row)} cells, the first line {len(header)} columns"
                raise InvalidRequest(f"{name}, line {reader.line_num}: {told}.")
            cells = {column.strip(): _cell(cell) for column, cell in zip(header, row, strict=False) if cell != ""}
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise InvalidRequest(f"{name}, line {reader.line_num}: is no CSV: {error}.") from None


def _texts(lines: Iterable[bytes], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise InvalidRequest(f"{name}, line {number}: is not UTF-8.") from None


def _cell(cell: str) -> Any:
    if cell[0] in '{["':
        try:
            return msgspec.json.decode(cell)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return cell
    return cell


def _parquet(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, 45 MB
    except ModuleNotFoundError:
        raise MissingExtra("Parquet", "parquet") from None
    try:
        with parquet.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(_GROUP):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _cell(v) if isinstance(v, str) and v else v for name, v in row.items()}
    except ArrowException as error:
        raise InvalidRequest(f"{path.name}: is no Parquet file: {str(error).splitlines()[0]}.") from None


def _decoded(text: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"{where}: is no JSON: {error}.") from None
