"""Weights become a checked int8 encoder with a manifest, or an error that says why not."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from pilothouse.errors import ModelFilesError
from pilothouse.models import Encoder, EncoderFiles, build
from pilothouse.models.runtime import load_onnxruntime
from pilothouse.models.weights import SOURCES


@pytest.fixture
def folder(sources: Path, tmp_path: Path) -> Path:
    for name in SOURCES:
        (tmp_path / name).symlink_to(sources / name)
    return tmp_path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_builds_a_small_checked_encoder(folder: Path, sources: Path, encoder: Encoder) -> None:
    manifest = build.build_encoder(folder, "here")
    assert build.read_manifest(folder) == manifest
    assert sorted(path.name for path in folder.iterdir()) == sorted([*SOURCES, build.GRAPH, build.MANIFEST])
    assert manifest.origin == "here"
    assert manifest.weights_sha256 == digest(sources / SOURCES[0])
    assert manifest.tokenizer_sha256 == digest(sources / SOURCES[1])
    assert manifest.graph_sha256 == digest(folder / build.GRAPH)
    assert manifest.onnxruntime == load_onnxruntime().__version__
    assert manifest.fingerprint == encoder.fingerprint  # of the weights, not of where they came from
    assert (folder / build.GRAPH).stat().st_size < 24_000_000
    graph = onnx.load(folder / build.GRAPH).graph
    scales = [c for c in graph.initializer if c.name.endswith("_scale") and list(c.dims) in ([384], [1536])]
    assert len(scales) == 36  # six matrices per layer, one scale per output channel


def test_falls_back_to_seven_bits(folder: Path, monkeypatch: pytest.MonkeyPatch, encoder: Encoder) -> None:
    """As on a CPU where products of eight bits saturate: the first variant fails its check."""
    checks: list[float] = []

    def check(candidate: Encoder) -> float:
        checks.append(real_check(candidate) if checks else 0.9)
        return checks[-1]

    real_check = build.worst_cosine
    monkeypatch.setattr(build, "worst_cosine", check)
    manifest = build.build_encoder(folder, "here")
    assert manifest.reduce_range
    assert len(checks) == 2
    assert manifest.fingerprint == encoder.fingerprint
    for constant in onnx.load(folder / build.GRAPH).graph.initializer:
        values = onnx.numpy_helper.to_array(constant)
        if values.dtype == np.int8 and values.size > 384 and values.shape[0] in (384, 1536):
            assert abs(values.astype(int)).max() <= 64
    eight = encoder.encode(["Both variants may share an index."])[0]
    seven = Encoder(EncoderFiles(folder / build.GRAPH, folder / SOURCES[1], "x")).encode(
        ["Both variants may share an index."]
    )[0]
    assert eight @ seven > 0.98


def test_the_weights_of_another_model_fail_the_check(sources: Path, tmp_path: Path) -> None:
    tensors = load_file(sources / SOURCES[0])
    tensors["encoder.layer.2.output.dense.weight"] = -tensors["encoder.layer.2.output.dense.weight"]
    save_file(tensors, tmp_path / SOURCES[0])
    (tmp_path / SOURCES[1]).symlink_to(sources / SOURCES[1])
    with pytest.raises(ModelFilesError, match=r"from there does not give the vectors .* \(cosine -?0\.\d+"):
        build.build_encoder(tmp_path, "there")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SOURCES[:2])


@pytest.mark.parametrize("content", [b"", b"{}", b'{"origin": 1}', b"\xff"])
def test_a_damaged_manifest_is_none(content: bytes, tmp_path: Path) -> None:
    assert build.read_manifest(tmp_path) is None
    (tmp_path / build.MANIFEST).write_bytes(content)
    assert build.read_manifest(tmp_path) is None
