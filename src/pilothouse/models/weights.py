"""The weights as they came: are they a MiniLM-L6 BERT, whole and of the right shapes? Knows nothing of ONNX."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pilothouse.errors import ModelFilesError
from pilothouse.models.graph import DIMENSIONS, HEADS, LAYERS, POSITIONS

__all__ = ["SOURCES", "check_sources", "read_weights", "sha256"]

SOURCES = ("model.safetensors", "tokenizer.json", "config.json")

_VOCABULARY, _INNER = 30522, 4 * DIMENSIONS
_CONFIG = {
    "model_type": "bert", "hidden_act": "gelu", "hidden_size": DIMENSIONS, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "intermediate_size": _INNER, "vocab_size": _VOCABULARY,
}  # fmt: skip


def check_sources(folder: Path) -> None:
    """Check configuration, vocabulary and tensor shapes. Raises ModelFilesError naming the file and what differs."""
    config = _json(folder / "config.json")
    for key, expected in _CONFIG.items():
        if config.get(key) != expected:
            raise _wrong(folder / "config.json", f"{key} is {config.get(key)!r}, not {expected!r}")
    model = _json(folder / "tokenizer.json").get("model")
    words = len(model.get("vocab", ())) if isinstance(model, dict) else 0
    if words != _VOCABULARY:
        raise _wrong(folder / "tokenizer.json", f"its vocabulary has {words} entries, not {_VOCABULARY}")
    read_weights(folder / "model.safetensors")


def read_weights(path: Path) -> dict[str, NDArray[np.float32]]:
    """The tensors that the encoder uses, float32, about 90 MB. Raises ModelFilesError when one lacks or differs."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - needed once, to build

    weights = {}
    try:
        with safe_open(path, framework="np") as file:
            present = set(file.keys())
            for name, shape in _shapes():
                if name not in present:
                    raise _wrong(path, f"it has no tensor '{name}'")
                stored = file.get_slice(name)
                found = tuple(stored.get_shape())
                if found != shape:
                    raise _wrong(path, f"{name} has shape {found}, not {shape}")
                if stored.get_dtype() not in ("F32", "F16"):
                    raise ModelFilesError(f"{path}: {name} is {stored.get_dtype()}; save the weights as F32 or F16.")
                weights[name] = file.get_tensor(name).astype(np.float32, copy=False)
    except (SafetensorError, OSError) as error:
        raise ModelFilesError(f"{path}: not a readable safetensors file: {error}.") from None
    return weights


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of BertModel's tensors; the pooler, which sentence vectors do not use, may lack."""
    d, inner = DIMENSIONS, _INNER
    yield "embeddings.word_embeddings.weight", (_VOCABULARY, d)
    yield "embeddings.position_embeddings.weight", (POSITIONS, d)
    yield "embeddings.token_type_embeddings.weight", (2, d)
    yield from _pair("embeddings.LayerNorm", d)
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            yield from _pair(f"{layer}.attention.self.{part}", d, d)
        yield from _pair(f"{layer}.attention.output.dense", d, d)
        yield from _pair(f"{layer}.attention.output.LayerNorm", d)
        yield from _pair(f"{layer}.intermediate.dense", inner, d)
        yield from _pair(f"{layer}.output.dense", d, inner)
        yield from _pair(f"{layer}.output.LayerNorm", d)


def _pair(name: str, *shape: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape[:1]


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelFilesError(f"{path}: cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise ModelFilesError(f"{path}: not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ModelFilesError(f"{path}: not a JSON object.")
    return value


def _wrong(path: Path, what: str) -> ModelFilesError:
    return ModelFilesError(f"{path}: {what}. These are not the files of all-MiniLM-L6-v2.")
