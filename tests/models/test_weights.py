"""Wrong weights are refused, with the file and what differs."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from pilothouse.errors import ModelFilesError
from pilothouse.models.weights import SOURCES, check_sources, read_weights

BIAS = "encoder.layer.5.output.dense.bias"


@pytest.fixture
def folder(sources: Path, tmp_path: Path) -> Path:
    """The real sources, the weights as a link."""
    for name in SOURCES[1:]:
        shutil.copy(sources / name, tmp_path / name)
    (tmp_path / SOURCES[0]).symlink_to(sources / SOURCES[0])
    return tmp_path


def change(path: Path, **fields: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_the_real_ones_pass(folder: Path) -> None:
    check_sources(folder)


@pytest.mark.parametrize(
    ("key", "value"), [("num_hidden_layers", 12), ("hidden_act", "relu"), ("model_type", "roberta"), ("vocab_size", 9)]
)
def test_another_architecture_is_named(key: str, value: Any, folder: Path) -> None:
    change(folder / "config.json", **{key: value})
    with pytest.raises(ModelFilesError, match=rf"config\.json: {key} is .*not the files of all-MiniLM-L6-v2"):
        check_sources(folder)


@pytest.mark.parametrize("model", [None, {"type": "BPE"}, {"vocab": {"a": 0}}])
def test_another_vocabulary_is_named(model: Any, folder: Path) -> None:
    change(folder / "tokenizer.json", model=model)
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json: its vocabulary has [01] entries, not 30522"):
        check_sources(folder)


@pytest.mark.parametrize("content", ["{", "[]", "\x00"])
def test_broken_json_is_named(content: str, folder: Path) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelFilesError, match=r"config\.json: not"):
        check_sources(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelFilesError, match=r"tokenizer\.json: cannot be read: No such file"):
        check_sources(folder)


@pytest.fixture
def tensors(sources: Path) -> dict[str, np.ndarray[Any, Any]]:
    return load_file(sources / SOURCES[0])  # type: ignore[no-any-return]


def save(path: Path, tensors: dict[str, np.ndarray[Any, Any]]) -> Path:
    save_file(tensors, path / SOURCES[0])
    return path / SOURCES[0]


def test_a_missing_tensor_is_named(tensors: dict[str, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    del tensors[BIAS]
    with pytest.raises(ModelFilesError, match=f"no tensor '{BIAS}'"):
        read_weights(save(tmp_path, tensors))


def test_a_tensor_of_another_shape_is_named(tensors: dict[str, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError, match=rf"{BIAS} has shape \(768,\), not \(384,\)"):
        read_weights(save(tmp_path, tensors | {BIAS: np.zeros(768, np.float32)}))


def test_a_tensor_of_another_type_is_named(tensors: dict[str, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    with pytest.raises(ModelFilesError, match=f"{BIAS} is I64; save the weights as F32 or F16"):
        read_weights(save(tmp_path, tensors | {BIAS: np.zeros(384, np.int64)}))


def test_half_precision_is_read_as_float32(tensors: dict[str, np.ndarray[Any, Any]], tmp_path: Path) -> None:
    halves = {name: array.astype(np.float16) for name, array in tensors.items() if array.dtype == np.float32}
    weights = read_weights(save(tmp_path, halves))
    assert weights[BIAS].dtype == np.float32
    np.testing.assert_array_equal(weights[BIAS], tensors[BIAS].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff" * 100, b"pickled weights, for instance"])
def test_what_is_no_safetensors_file_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / SOURCES[0]
    path.write_bytes(content)
    with pytest.raises(ModelFilesError, match=r"model\.safetensors: not a readable safetensors file"):
        read_weights(path)


def test_a_truncated_file_is_named(sources: Path, tmp_path: Path) -> None:
    path = tmp_path / SOURCES[0]
    with (sources / SOURCES[0]).open("rb") as file:
        path.write_bytes(file.read(1_000_000))
    with pytest.raises(ModelFilesError, match="not a readable safetensors file"):
        read_weights(path)
