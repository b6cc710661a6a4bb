"""Writes src/pilothouse/models/reference.json, the self-check's sentences and vectors, from the float32 graph.

Needed only if the sentences change. tests/models/test_selfcheck.py holds the file against a plain numpy forward pass.

    python benchmarks/encoder/write_reference.py .pilothouse/models/all-MiniLM-L6-v2
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

from pilothouse.models.build import write_float32
from pilothouse.models.encoder import Encoder, EncoderFiles
from pilothouse.models.selfcheck import REFERENCE

SENTENCES = [
    "How do I rotate an API key without downtime?",
    "Net sales rose 6% to $94.9 billion in the quarter, driven by services.",
    "The patient was given 50 mg of atenolol twice daily for hypertension.",
    "def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)",
    "Die Lieferung verspätet sich wegen des Streiks um drei Tage.",
    "She closed the door quietly, so as not to wake the children.",
]


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch, "float32.onnx")
        write_float32(folder, graph)
        vectors = Encoder(EncoderFiles(graph, folder / "tokenizer.json", "float32")).encode(SENTENCES)
    rows = [
        {"text": text, "vector": base64.b64encode(vector.astype("<f2").tobytes()).decode()}
        for text, vector in zip(SENTENCES, vectors, strict=True)
    ]
    REFERENCE.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
