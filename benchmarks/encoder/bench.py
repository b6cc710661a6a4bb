"""CPU time and accuracy of the int8 encoder beside the same graph in float32, in one run on the same texts.

    python benchmarks/encoder/bench.py --data path/to/scifact

`--data` is the folder with SciFact's corpus.jsonl (https://github.com/allenai/scifact, BEIR layout).
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pilothouse.models import Encoder, EncoderFiles, EncoderStore
from pilothouse.models.build import write_float32
from pilothouse.settings import Settings

ROUNDS = 3


def cpu_seconds(work: Callable[[], Any]) -> float:
    """CPU time of all threads of this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def speed(encoders: dict[str, Encoder], queries: list[str], abstracts: list[str]) -> None:
    """Best of some rounds; the encoders take turns, so that a slow moment of the machine hits both."""
    best: dict[str, list[float]] = {name: [float("inf")] * 3 for name in encoders}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            two = Encoder(encoder.files, threads=2)
            two.load()
            found = [
                cpu_seconds(lambda e=encoder: [e.encode([query]) for query in queries]) / len(queries),
                cpu_seconds(lambda e=encoder: e.encode(abstracts)) / len(abstracts),
                wall_seconds(lambda e=two: e.encode(abstracts)) / len(abstracts),
            ]
            best[name] = [min(pair) for pair in zip(best[name], found, strict=True)]
    print(f"\n{'':10}{'ms CPU/query':>14}{'abstracts/s CPU':>17}{'abstracts/s, 2 threads':>24}")
    for name, (query, abstract, parallel) in best.items():
        print(f"{name:10}{query * 1e3:14.2f}{1 / abstract:17.1f}{1 / parallel:24.1f}")
    ratios = [b / a for a, b in zip(best["int8"], best["float32"], strict=True)]
    print(f"{'ratio':10}{ratios[0]:14.2f}{ratios[1]:17.2f}{ratios[2]:24.2f}")


def accuracy(encoders: dict[str, Encoder], queries: list[str], abstracts: list[str]) -> None:
    print(f"\n{'cosine int8 to float32':24}{'mean':>8}{'1 %':>8}{'min':>8}")
    for name, texts in (("queries", queries), ("abstracts", abstracts)):
        cosines = (encoders["int8"].encode(texts) * encoders["float32"].encode(texts)).sum(1)
        print(f"{name:24}{cosines.mean():8.4f}{np.quantile(cosines, 0.01):8.4f}{cosines.min():8.4f}")


def batches(encoder: Encoder, abstracts: list[str]) -> None:
    """Why each text runs alone: texts of one length, so that not even padding is in the way."""
    rows = [ids for text in abstracts if len(ids := encoder._tokenizer.encode(text).ids) >= 256]
    ids = np.array([[*row[:255], row[-1]] for row in rows[:64]], dtype=np.int64)
    print(f"\n{'int8, batches of':24}{'ms CPU/text':>14}{'min cosine to alone':>22}")
    alone = _run(encoder, ids, 1)
    for size in (1, 8, 32):
        spent = min(cpu_seconds(lambda n=size: _run(encoder, ids, n)) for _ in range(ROUNDS)) / len(ids)
        cosine = (_run(encoder, ids, size) * alone).sum(1).min()
        print(f"{size:<24}{spent * 1e3:14.2f}{cosine:22.4f}")


def _run(encoder: Encoder, ids: Any, size: int) -> Any:
    parts = [ids[i : i + size] for i in range(0, len(ids), size)]
    return np.concatenate([encoder._session.run(None, {"input_ids": part})[0] for part in parts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with corpus.jsonl")
    parser.add_argument("--abstracts", type=int, default=200)
    arguments = parser.parse_args()
    with (arguments.data / "corpus.jsonl").open(encoding="utf-8") as lines:
        documents = [json.loads(next(lines)) for _ in range(arguments.abstracts)]
    queries = [document["title"] for document in documents]
    abstracts = [f"{document['title']} {document['text']}" for document in documents]

    store = EncoderStore(Settings.from_env().models_dir)
    files = store.ensure()
    with tempfile.TemporaryDirectory() as scratch:
        graph = Path(scratch, "float32.onnx")
        write_float32(store.folder, graph)
        encoders = {
            "int8": Encoder(files, threads=1),
            "float32": Encoder(EncoderFiles(graph, files.tokenizer, "float32"), threads=1),
        }
        for encoder in encoders.values():
            encoder.encode(queries[:10])
        tokens = [np.mean([encoders["int8"].count_tokens(t) for t in texts]) for texts in (queries, abstracts)]
        print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}")
        print(f"{len(queries)} queries of {tokens[0]:.0f} tokens (titles), abstracts of {tokens[1]:.0f} (256 are read)")
        speed(encoders, queries, abstracts)
        accuracy(encoders, queries, abstracts)
        batches(encoders["int8"], abstracts)


if __name__ == "__main__":
    main()
