"""Records into files: a line of JSON each, or Parquet, in bounded memory. Knows nothing of where records come from."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, Literal

import msgspec

from pilothouse.errors import MissingExtra
from pilothouse.exports.records import COLUMNS

__all__ = ["Format", "write_jsonl", "write_parquet"]

Format = Literal["jsonl", "parquet"]

_GROUP = 2000  # rows: a row group is held in memory
_Record = Mapping[str, Any]


def write_jsonl(records: Iterable[_Record], out: IO[bytes]) -> None:
    """One JSON object in a line for each record."""
    encode = msgspec.json.Encoder().encode
    for record in records:
        out.write(encode(record))
        out.write(b"\n")


def write_parquet(records: Iterable[_Record], path: Path) -> None:
    """A Parquet file, compressed by zstd. A file that is there is replaced once the new one is whole.

    Raises MissingExtra without pyarrow.
    """
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an extra, 45 MB
        from pyarrow import parquet  # noqa: PLC0415
    except ModuleNotFoundError:
        raise MissingExtra("Parquet", "parquet") from None
    kinds = {
        "text": arrow.string(), "integer": arrow.int64(), "boolean": arrow.bool_(),
        "time": arrow.timestamp("us", tz="UTC"), "texts": arrow.list_(arrow.string()),
    }  # fmt: skip
    schema = arrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    part, rows = path.with_name(f"{path.name}.part"), iter(records)
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            while group := list(islice(rows, _GROUP)):
                writer.write_table(arrow.Table.from_pylist(group, schema=schema))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
