"""Weights to a checked int8 encoder: ONNX graph, dynamic quantisation per channel, self-check, manifest.

About 2 s and 400 MB of memory, once. Needs `onnx`, which nothing else does. Knows nothing of downloads.
"""

from pathlib import Path
from typing import Any

import msgspec

from pilothouse.errors import ModelFilesError
from pilothouse.ids import content_hash
from pilothouse.models.encoder import MAX_TOKENS, Encoder, EncoderFiles
from pilothouse.models.graph import build_graph
from pilothouse.models.runtime import load_onnxruntime
from pilothouse.models.selfcheck import MIN_COSINE, worst_cosine
from pilothouse.models.weights import read_weights, sha256

__all__ = ["GRAPH", "MANIFEST", "Manifest", "build_encoder", "read_manifest", "write_float32"]

GRAPH, MANIFEST = "encoder.onnx", "manifest.json"
_RECIPE = ["mean pooling", "L2", MAX_TOKENS, "int8 per channel"]  # what, beside the weights, shapes the vector space


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was built, from what, by what. `reduce_range` is true where the CPU needed seven-bit weights; it changes
    vectors by rounding only (cosine .99), so machines with and without it share a fingerprint, and their indexes."""

    origin: str
    fingerprint: str
    weights_sha256: str
    tokenizer_sha256: str
    graph_sha256: str
    reduce_range: bool
    onnxruntime: str


def build_encoder(folder: Path, origin: str) -> Manifest:
    """Build GRAPH and MANIFEST in `folder` from the weights there; neither is ever seen half written.

    Raises ModelFilesError when the weights are wrong, or when no variant gives the reference vectors.
    """
    onnxruntime = load_onnxruntime()
    model = _float32(folder / "model.safetensors")
    weights, tokenizer = sha256(folder / "model.safetensors"), sha256(folder / "tokenizer.json")
    fingerprint = f"all-MiniLM-L6-v2:{content_hash([weights, tokenizer, _RECIPE])}"
    partial = folder / f".{GRAPH}.partial"
    cosine = -1.0
    for reduce_range in (False, True):
        _quantise(model, partial, reduce_range)
        files = EncoderFiles(partial, folder / "tokenizer.json", fingerprint)
        cosine = max(cosine, worst := worst_cosine(Encoder(files, threads=1)))
        if worst < MIN_COSINE:
            continue
        manifest = Manifest(
            origin=origin, fingerprint=fingerprint, weights_sha256=weights, tokenizer_sha256=tokenizer,
            graph_sha256=sha256(partial), reduce_range=reduce_range,
            onnxruntime=onnxruntime.__version__,
        )  # fmt: skip
        partial.replace(folder / GRAPH)
        _write(folder / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        return manifest
    partial.unlink()
    raise ModelFilesError(
        f"The encoder built from {origin} does not give the vectors of all-MiniLM-L6-v2 (cosine {cosine:.3f} to the "
        f"reference, at least {MIN_COSINE} is needed). Either these are the weights of another model, or onnxruntime "
        f"{onnxruntime.__version__} computes wrongly on this CPU: try another version of it."
    )


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest in `folder`, None when there is none that can be read."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def write_float32(folder: Path, target: Path) -> None:
    """Write the unquantised graph (90 MB), the measure of the int8 one's accuracy and speed."""
    target.write_bytes(_float32(folder / "model.safetensors").SerializeToString())


def _float32(weights: Path) -> Any:
    model = build_graph(read_weights(weights))
    # Says that shapes need no inference, which quantize_dynamic would else do, and warn on the root logger.
    note = model.metadata_props.add()
    note.key, note.value = "onnx.quant.pre_process", "onnxruntime.quant"
    return model


def _quantise(model: Any, target: Path, reduce_range: bool) -> None:
    """Per channel: the cosine to float32 is .995, with one scale per tensor .93 to .96."""
    import onnx  # noqa: PLC0415 - only to build
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415

    quantize_dynamic(
        model, target, per_channel=True, reduce_range=reduce_range, weight_type=QuantType.QInt8,
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )  # fmt: skip


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content)
    partial.replace(path)
