"""Brings a corpus up to date with files: reads what is new or changed, drops what is gone, all in one step.

The corpus serves its old version until the new one is complete. Ingesting twice changes nothing.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from pilothouse.errors import DocumentError
from pilothouse.ids import content_hash
from pilothouse.models import Encoder, EncoderStore
from pilothouse.protocols import Progress
from pilothouse.rag.chunk import RECIPE, ChunkSettings, Tokenizer, chunk_document, windows_of
from pilothouse.rag.files import Found, Survey, survey
from pilothouse.rag.loaders import Loaders
from pilothouse.rag.schema import corpus_folder
from pilothouse.rag.writer import Facts, Known, Writer
from pilothouse.types import Document, Json

if TYPE_CHECKING:
    from pilothouse.protocols import Vectors

__all__ = ["DocumentEncoder", "IngestReport", "Outcome", "ingest", "ingest_task"]

Status = Literal["added", "changed", "unchanged", "removed", "failed"]

_CHUNKS_AT_ONCE = 32


class DocumentEncoder(Tokenizer, Protocol):
    """What an ingest needs of the encoder. `encode` gives float32 rows (n, dimensions)."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def encode(self, texts: Sequence[str]) -> "Vectors": ...


@dataclass(slots=True)
class Outcome:
    """What became of one document. `reason` says why it failed, or what is odd about it."""

    source: str
    status: Status
    reason: str = ""
    pages: int = 0
    chunks: int = 0


@dataclass(slots=True)
class IngestReport:
    """The whole run. `skipped` counts files that no loader reads, by suffix; `seconds` is wall-clock time."""

    corpus: str
    version: int = 0
    previous_version: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    embedded: int = 0
    seconds: float = 0.0

    def count(self, status: Status) -> int:
        return sum(outcome.status == status for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        return self.count("failed")

    @property
    def changed(self) -> bool:
        return self.version != self.previous_version

    @property
    def pages(self) -> int:
        return sum(outcome.pages for outcome in self.outcomes)

    @property
    def chunks(self) -> int:
        return sum(outcome.chunks for outcome in self.outcomes)

    def to_json(self) -> Json:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Json) -> "IngestReport":
        return cls(**{**data, "outcomes": [Outcome(**outcome) for outcome in data["outcomes"]]})


def ingest(
    folder: Path,
    paths: Sequence[Path],
    encoder: DocumentEncoder,
    settings: ChunkSettings,
    progress: Progress,
    loaders: Loaders | None = None,
    patience: float = 600.0,
) -> IngestReport:
    """Make the corpus in `folder` hold what lies at `paths`, besides what it holds from elsewhere.

    Waits up to `patience` seconds for another ingest of the corpus to end. Raises InvalidRequest for a path that does
    not exist, Overloaded when the wait was in vain, Cancelled when the progress says so; the corpus is then as it was.
    A file that cannot be read is reported, not raised.
    """
    started = time.perf_counter()
    loaders = loaders or Loaders()
    seen = survey(paths, loaders)
    report = IngestReport(folder.name, skipped=dict(seen.skipped), notes=list(loaders.broken))
    report.outcomes += [Outcome(trouble.name, "failed", trouble.reason) for trouble in seen.troubles]

    def waiting() -> None:
        progress(0, 0, "Waiting for another ingest of this corpus")

    with Writer(folder, encoder.fingerprint, encoder.dimensions, waiting, patience) as writer:
        report.previous_version = writer.version
        _Reader(writer, encoder, settings, loaders, report).bring_up_to_date(seen, progress)
        report.embedded = _embed(writer, encoder, progress)
        report.version = writer.commit()
    report.seconds = round(time.perf_counter() - started, 3)
    return report


def ingest_task(payload: Json, progress: Progress) -> Json:
    """The job `rag.ingest`. The payload has home, project, corpus, paths, chunk_tokens, overlap_tokens and models_dir;
    the result is an IngestReport as JSON."""
    progress(0, 0, "Loading the encoder")
    encoder = Encoder(EncoderStore(Path(payload["models_dir"])).ensure())
    report = ingest(
        corpus_folder(Path(payload["home"]), payload["project"], payload["corpus"]),
        [Path(path) for path in payload["paths"]],
        encoder,
        ChunkSettings(payload["chunk_tokens"], payload["overlap_tokens"]),
        progress,
    )
    return report.to_json()


class _Reader:
    """The first half of an ingest: documents into rows, without vectors."""

    def __init__(
        self, writer: Writer, encoder: DocumentEncoder, settings: ChunkSettings, loaders: Loaders, report: IngestReport
    ) -> None:
        self._writer = writer
        self._encoder = encoder
        self._settings = settings
        self._loaders = loaders
        self._report = report
        self._recipe = content_hash([RECIPE, settings.tokens, settings.overlap])
        self._known = writer.known()

    def bring_up_to_date(self, seen: Survey, progress: Progress) -> None:
        here = {str(found.path) for found in seen.found}
        for path, known in self._known.items():
            if path not in here and seen.covers(Path(path)):
                self._writer.remove(known.id)
                self._report.outcomes.append(Outcome(known.source, "removed"))
        taken = {known.source: path for path, known in self._writer.known().items()}
        for done, found in enumerate(seen.found):
            progress(done, len(seen.found), f"Reading {found.name}")
            known_here = self._known.get(str(found.path))
            source = known_here.source if known_here else _free_name(found, taken)
            taken[source] = str(found.path)
            self._report.outcomes.append(self._take(found, source, known_here))

    def _take(self, found: Found, source: str, known: Known | None) -> Outcome:
        try:
            digest = _hash_file(found.path, source)
            if known and (known.hash, known.recipe) == (digest, self._recipe):
                return Outcome(source, "unchanged")
            document = self._loaders.load(found.path, source)
        except DocumentError as error:
            kept = " The version read before stays." if known else ""
            return Outcome(source, "failed", error.message.removeprefix(f"{source}: ") + kept)
        chunks = chunk_document(document, self._encoder, self._settings)
        if known:
            self._writer.remove(known.id)
        facts = Facts(str(found.path), digest, self._recipe, found.size, found.modified_us)
        self._writer.add(document, facts, chunks)
        status: Status = "changed" if known else "added"
        return Outcome(source, status, _oddities(document), document.metadata.get("pages", 0), len(chunks))


def _embed(writer: Writer, encoder: DocumentEncoder, progress: Progress) -> int:
    """The second half: a vector for every text that has none. Returns how many texts were embedded."""
    waiting = writer.unembedded()
    embedded = 0
    for start in range(0, len(waiting), _CHUNKS_AT_ONCE):
        progress(start, len(waiting), "Embedding passages")
        texts: dict[str, str] = {}
        windows: list[tuple[int, str]] = []
        for chunk in writer.texts(waiting[start : start + _CHUNKS_AT_ONCE]):
            for text in windows_of(chunk.text, chunk.context, encoder):
                text_hash = content_hash(text)
                texts[text_hash] = text
                windows.append((chunk.id, text_hash))
        numbers = writer.vectors_known(list(texts))
        fresh = [text_hash for text_hash in texts if text_hash not in numbers]
        if fresh:
            numbers |= writer.add_vectors(fresh, encoder.encode([texts[text_hash] for text_hash in fresh]))
        writer.link((chunk, numbers[text_hash]) for chunk, text_hash in windows)
        embedded += len(fresh)
    if waiting:
        progress(len(waiting), len(waiting), "Embedding passages")
    return embedded


def _free_name(found: Found, taken: dict[str, str]) -> str:
    """The file's name below its folder, or a longer one where another document of the corpus has it."""
    for name in (found.name, f"{found.root.name}/{found.name}"):
        if name not in taken:
            return name
    return str(found.path)


def _hash_file(path: Path, source: str) -> str:
    try:
        with path.open("rb") as file:
            return file_digest(file, lambda: blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}.", source=source) from error


def _oddities(document: Document) -> str:
    """What a reader of the report should know about a document that was read."""
    facts = document.metadata
    oddities = []
    if damaged := facts.get("pages_damaged"):
        oddities.append(f"{len(damaged)} of {facts['pages']} pages are damaged")
    if scanned := facts.get("pages_without_text"):
        oddities.append(f"{len(scanned)} of {facts['pages']} pages hold no text (scans are not read)")
    elif not document.sections:
        oddities.append("holds no text")
    if facts.get("encoding") == "latin-1":
        oddities.append("is not UTF-8: read as Latin-1")
    return "; ".join(oddities)
