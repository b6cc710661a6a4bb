"""Does the encoder compute, on this very CPU, the vectors it should? The reference comes from the float32 graph.

int8 products may saturate on x86 without VNNI instructions unless the weights keep to seven bits (`reduce_range`), and
no error reports it: only the vectors tell. Measured here, lowest cosine: .992 with VNNI, .988 on an emulated Haswell,
.989 with seven bits on either. Knows nothing of how an encoder is built or repaired.
"""

import base64
import json
import platform
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pilothouse.ids import content_hash
from pilothouse.models.encoder import Encoder
from pilothouse.models.runtime import load_onnxruntime

__all__ = ["MIN_COSINE", "REFERENCE", "machine_key", "read_reference", "worst_cosine"]

MIN_COSINE = 0.98
REFERENCE = Path(__file__).with_name("reference.json")


def read_reference() -> tuple[list[str], NDArray[np.float32]]:
    """The reference sentences and their float32 vectors, (sentences, 384), kept as base64 of little-endian float16."""
    rows = json.loads(REFERENCE.read_text(encoding="utf-8"))
    vectors = [np.frombuffer(base64.b64decode(row["vector"]), dtype="<f2") for row in rows]
    return [row["text"] for row in rows], np.stack(vectors).astype(np.float32)


def worst_cosine(encoder: Encoder) -> float:
    """The lowest cosine between the encoder's vectors and the reference; 20 ms once it is loaded."""
    texts, expected = read_reference()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    cosines = np.einsum("ij,ij->i", encoder.encode(texts), expected)
    return float(np.nan_to_num(cosines, nan=-1.0).min())


def machine_key(graph_sha256: str) -> str:
    """Names the outcome of a check: the same graph on the same kind of CPU and onnxruntime gives the same vectors."""
    return content_hash([graph_sha256, load_onnxruntime().__version__, platform.machine(), _cpu_features()])


def _cpu_features() -> str:
    """The instruction sets that the kernel reports, or the CPU's name where it reports none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), platform.processor())
