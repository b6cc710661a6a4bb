"""Spool records as rows of the database, and the records that cannot become rows. Knows nothing of threads.

A record is a msgpack map, which is a span, or a msgpack array, which is a Reservation or a Progress.
"""

import base64
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from pilothouse.call import Progress, Reservation, Span
from pilothouse.ids import now_us
from pilothouse.observe.costs.charges import Charge, enter, of_span
from pilothouse.observe.costs.reserved import OpenCall, Place, forget, keep, note_progress
from pilothouse.observe.facts import Fact
from pilothouse.observe.privacy.erasures import forgone
from pilothouse.observe.prompt_calls import COLUMNS as OF_PROMPT_CALLS
from pilothouse.observe.prompt_calls import row_of
from pilothouse.observe.rows import COLUMNS, to_fact, to_row
from pilothouse.observe.sums.backfill import with_unsummed
from pilothouse.observe.sums.summaries import TraceKey, absorb, known_traces
from pilothouse.storage.payload_days import PayloadDays
from pilothouse.storage.payloads import Packer
from pilothouse.storage.span_days import by_table
from pilothouse.storage.statements import add_new

__all__ = ["Batch", "Rejects"]

_OF_MANIFEST = ("project_id", "id", "versions")
_LARGEST_FILE = 64 * 1024 * 1024
_logger = logging.getLogger(__name__)


_decode = msgspec.msgpack.Decoder(Span).decode
_decode_note = msgspec.msgpack.Decoder(Reservation | Progress).decode
_ARRAY, _ARRAY_BITS = 0x90, 0xF0  # of the first byte of a msgpack array with fewer than 16 elements
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
    """The rows of some records, ready to be written as often as it takes.

    `charges` are the settlements among the spans, `reserved` and `progress` what was noted of calls that none of these
    spans settles.
    """

    day: int = 0
    records: list[bytes] = field(default_factory=list)
    spans: list[tuple[object, ...]] = field(default_factory=list)
    payloads: list[tuple[object, ...] | None] = field(default_factory=list)
    prompt_calls: list[tuple[object, ...] | None] = field(default_factory=list)
    facts: dict[TraceKey, list[Fact]] = field(default_factory=dict)
    manifests: dict[tuple[str, str], str] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    settled: list[Place] = field(default_factory=list)
    reserved: dict[Place, OpenCall] = field(default_factory=dict)
    progress: dict[Place, Progress] = field(default_factory=dict)

    @classmethod
    def decode(cls, records: Sequence[bytes], rejects: Rejects, packer: Packer | None = None, day: int = 0) -> "Batch":
        """`day` is the one on which the records arrived (storage.payload_days)."""
        batch, packer = cls(day=day), packer or Packer()
        for record in records:
            try:
                if record and record[0] & _ARRAY_BITS == _ARRAY:
                    batch._note(_decode_note(record))
                    continue
                span = _decode(record)
                payload = _payload_row(span, packer)
                row, prompt_call = to_row(span, None if payload is None else day), row_of(span)
            except _UNDECODABLE as error:
                rejects.add(record, str(error))
                continue
            batch.records.append(record)
            batch.spans.append(row)
            batch.payloads.append(payload)
            batch.prompt_calls.append(prompt_call)
            batch.facts.setdefault((span.project_id, span.trace_id), []).append(to_fact(span, row))
            if span.manifest_id is not None:
                key = span.project_id, span.manifest_id
                batch.manifests[key] = msgspec.json.encode(span.versions).decode()
            if span.charge_id is not None:
                batch._settle(of_span(span))
        return batch

    def write(self, connection: Connection, rejects: Rejects, spool: str, bodies: PayloadDays) -> list[Charge]:
        """Insert what is not there yet; gives the charges that were new. What the database refuses is found out one by
        one and set aside. `spool` names where the records lay."""
        written = sorted((*key, versions) for key, versions in self.manifests.items())
        add_new(connection, "manifests", _OF_MANIFEST, written)
        known = known_traces(connection, self.facts)
        for i in reversed(forgone(connection, self.spans)):
            self._drop(i)
        arrived, days = with_unsummed(connection, self.facts, known, self.day)
        try:
            with connection.begin_nested():
                absorb(connection, arrived, known, days)
                for table, rows in by_table(connection, self.spans, days):
                    add_new(connection, table, COLUMNS, rows)
                add_new(connection, "prompt_calls", OF_PROMPT_CALLS, [*filter(None, self.prompt_calls)])
                bodies.put(connection, self.day, [row for row in self.payloads if row is not None])
        except _REFUSED:
            self._write_singly(connection, rejects, bodies)
        keep(connection, spool, self.reserved.values())
        note_progress(connection, self.progress)
        forget(connection, self.settled)
        try:
            with connection.begin_nested():
                return enter(connection, self.charges)
        except _REFUSED:
            return self._enter_singly(connection, rejects)

    def _enter_singly(self, connection: Connection, rejects: Rejects) -> list[Charge]:
        entered: list[Charge] = []
        for charge in list(self.charges):
            try:
                with connection.begin_nested():
                    entered += enter(connection, [charge])
            except _REFUSED as error:
                rejects.add(msgspec.msgpack.encode(charge), str(error))
                self.charges.remove(charge)
        return entered

    def _drop(self, i: int) -> None:
        """Leave a span out. What it settles is charged all the same."""
        project, trace, span = self.spans[i][:3]
        del self.records[i], self.spans[i], self.payloads[i], self.prompt_calls[i]
        key = str(project), str(trace)
        left = [fact for fact in self.facts.pop(key, ()) if fact.id != span]
        if left:
            self.facts[key] = left

    def _note(self, note: Reservation | Progress) -> None:
        place = note.project_id, note.id
        if isinstance(note, Reservation):
            self.reserved[place] = OpenCall(note)
        elif (call := self.reserved.get(place)) is not None:
            call.progress = note
        else:
            self.progress[place] = note

    def _settle(self, charge: Charge) -> None:
        """A reservation that is settled within the batch never becomes a row."""
        place = charge.project_id, charge.id
        self.charges.append(charge)
        self.progress.pop(place, None)
        if self.reserved.pop(place, None) is None:
            self.settled.append(place)

    def _write_singly(self, connection: Connection, rejects: Rejects, bodies: PayloadDays) -> None:
        for i in reversed(range(len(self.records))):
            row, payload, prompt_call = self.spans[i], self.payloads[i], self.prompt_calls[i]
            span = _decode(self.records[i])
            facts = {(span.project_id, span.trace_id): [to_fact(span, row)]}
            try:
                with connection.begin_nested():
                    known = known_traces(connection, facts)
                    arrived, days = with_unsummed(connection, facts, known, self.day)
                    absorb(connection, arrived, known, days)
                    for table, rows in by_table(connection, [row], days):
                        add_new(connection, table, COLUMNS, rows)
                    add_new(connection, "prompt_calls", OF_PROMPT_CALLS, [prompt_call] if prompt_call else [])
                    bodies.put(connection, self.day, [] if payload is None else [payload])
            except _REFUSED as error:
                rejects.add(self.records[i], str(error))
                del self.records[i], self.spans[i], self.payloads[i], self.prompt_calls[i]


def _payload_row(span: Span, packer: Packer) -> tuple[object, ...] | None:
    place = span.project_id, span.trace_id, span.id
    if span.body is not None:
        return *place, span.body
    if span.input is None and span.output is None:
        return None
    return *place, packer.pack({"input": span.input, "output": span.output}, *place)
