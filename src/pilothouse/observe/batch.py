"""Spool records as rows of the database, and the records that cannot become rows. Knows nothing of threads."""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sqlalchemy import Table
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from pilothouse.call import Span
from pilothouse.ids import now_us
from pilothouse.observe.rows import COLUMNS, to_row
from pilothouse.storage.payloads import Packer
from pilothouse.storage.tables import manifests, payloads, spans

__all__ = ["Batch", "Rejects"]

_LARGEST_FILE = 64 * 1024 * 1024
_logger = logging.getLogger(__name__)


_decode = msgspec.msgpack.Decoder(Span).decode
_UNDECODABLE = (msgspec.MsgspecError, UnicodeError, TypeError, RecursionError)
_REFUSED = (DataError, IntegrityError, OverflowError)


class Rejects:
    """Records that cannot be stored: counted, and set aside in a file as JSON lines (base64) for people to look at."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def add(self, record: bytes, why: str) -> None:
        self.count += 1
        _logger.error("A span cannot be stored (%s); its record is set aside in %s.", why, self.path)
        line = {"at_us": now_us(), "why": why, "record": base64.b64encode(record).decode()}
        try:
            with self.path.open("ab") as file:
                if file.tell() < _LARGEST_FILE:
                    file.write(msgspec.json.encode(line) + b"\n")
        except OSError as error:
            _logger.error("%s cannot be written, so that record is lost: %s", self.path, error)


@dataclass
class Batch:
    """The rows of some records, ready to be written as often as it takes."""

    records: list[bytes] = field(default_factory=list)
    spans: list[tuple[object, ...]] = field(default_factory=list)
    payloads: list[tuple[object, ...] | None] = field(default_factory=list)
    manifests: dict[tuple[str, str], str] = field(default_factory=dict)

    @classmethod
    def decode(cls, records: Sequence[bytes], rejects: Rejects) -> "Batch":
        batch, packer = cls(), Packer()
        for record in records:
            try:
                span = _decode(record)
                row, payload = to_row(span), _payload_row(span, packer)
            except _UNDECODABLE as error:
                rejects.add(record, str(error))
                continue
            batch.records.append(record)
            batch.spans.append(row)
            batch.payloads.append(payload)
            if span.manifest_id is not None:
                key = span.project_id, span.manifest_id
                batch.manifests[key] = msgspec.json.encode(span.versions).decode()
        return batch

    def write(self, connection: Connection, rejects: Rejects) -> None:
        """Insert what is not there yet. What the database refuses is found out one by one and set aside."""
        written = sorted((*key, versions) for key, versions in self.manifests.items())
        _insert(connection, manifests, written)
        try:
            with connection.begin_nested():
                _insert(connection, spans, self.spans)
                _insert(connection, payloads, [row for row in self.payloads if row is not None])
        except _REFUSED:
            self._write_singly(connection, rejects)

    def _write_singly(self, connection: Connection, rejects: Rejects) -> None:
        for i in reversed(range(len(self.records))):
            row, payload = self.spans[i], self.payloads[i]
            try:
                with connection.begin_nested():
                    _insert(connection, spans, [row])
                    _insert(connection, payloads, [] if payload is None else [payload])
            except _REFUSED as error:
                rejects.add(self.records[i], str(error))
                del self.records[i], self.spans[i], self.payloads[i]


def _payload_row(span: Span, packer: Packer) -> tuple[object, ...] | None:
    if span.input is None and span.output is None:
        return None
    return span.project_id, span.trace_id, span.id, packer.pack({"input": span.input, "output": span.output})


def _insert(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> None:
    """INSERT ... ON CONFLICT DO NOTHING through the driver's own executemany: 2.5 times cheaper than by SQLAlchemy."""
    if rows:
        mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
        names = COLUMNS if table is spans else tuple(column.name for column in table.columns)
        marks = ",".join([mark] * len(names))
        statement = f"INSERT INTO {table.name} ({','.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        connection.exec_driver_sql(statement, list(rows))
