"""Retrieval quality on SciFact (Wadden et al., 2020) in the form of BEIR (Thakur et al., 2021): nDCG@10, recall@100.

    python benchmarks/rag/scifact.py --data PATH [--home FOLDER]

PATH holds `corpus.jsonl`, `queries.jsonl` and `qrels_test.tsv`. Each abstract is ingested as a Markdown file with its
title as heading, passages count for their document, and the three searches run over the same corpus. With `--home` the
ingested corpus is kept, and found again by the next run.
"""

import argparse
import csv
import json
import math
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from pilothouse.models import Encoder, EncoderStore
from pilothouse.rag import ChunkSettings, CorpusIndex, ingest
from pilothouse.rag.retrieve import search
from pilothouse.settings import Settings

Judgements = dict[str, dict[str, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--home", type=Path)
    args = parser.parse_args()
    encoder = Encoder(EncoderStore(Settings.from_env().models_dir).ensure())
    with tempfile.TemporaryDirectory() as temporary:
        home = args.home or Path(temporary)
        _write_documents(args.data / "corpus.jsonl", home / "documents")
        cpu = time.process_time()
        report = ingest(
            home / "scifact", [home / "documents"], encoder, ChunkSettings(), lambda done, total, note="": None
        )
        cpu = time.process_time() - cpu
        print(f"{len(report.outcomes)} abstracts, {report.chunks} chunks, {report.embedded} vectors", end="; ")
        print(f"ingest {report.seconds:.1f} s, {cpu:.1f} s of CPU, {len(report.outcomes) / cpu:.1f} abstracts/CPU s")
        index = CorpusIndex(home / "scifact")
        judgements = _judgements(args.data / "qrels_test.tsv")
        queries = {item["_id"]: item["text"] for item in _lines(args.data / "queries.jsonl")}
        vectors = dict(zip(judgements, encoder.encode([queries[query] for query in judgements]), strict=True))
        for name, weight in (("dense", 1.0), ("bm25", 0.0), ("hybrid", 0.5)):
            started = time.perf_counter()
            rankings = {}
            for query in judgements:
                with index.reading() as reading:
                    hits = search(reading, queries[query], vectors[query], 150, weight)
                rankings[query] = list(dict.fromkeys(Path(hit.source).stem for hit in hits))
            each = 1000 * (time.perf_counter() - started) / len(judgements)
            ndcg = [_ndcg(rankings[query], judgements[query], 10) for query in judgements]
            recall = [len(set(rankings[q][:100]) & set(judgements[q])) / len(judgements[q]) for q in judgements]
            print(f"{name:8} nDCG@10 {_mean(ndcg)}  recall@100 {_mean(recall)}  {each:.1f} ms per query")
        index.close()


def _write_documents(corpus: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for item in _lines(corpus):
        (folder / f"{item['_id']}.md").write_text(f"# {item['title']}\n\n{item['text']}\n", encoding="utf-8")


def _lines(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        yield from map(json.loads, file)


def _judgements(path: Path) -> Judgements:
    judgements: Judgements = defaultdict(dict)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if int(row["score"]) > 0:
                judgements[row["query-id"]][row["corpus-id"]] = int(row["score"])
    return judgements


def _ndcg(ranking: list[str], relevant: dict[str, int], k: int) -> float:
    """Järvelin and Kekäläinen (2002), with linear gains as trec_eval has them."""
    gained = sum(relevant.get(document, 0) / math.log2(i + 2) for i, document in enumerate(ranking[:k]))
    best = sorted(relevant.values(), reverse=True)[:k]
    return gained / sum(gain / math.log2(i + 2) for i, gain in enumerate(best))


def _mean(values: list[float]) -> str:
    """The mean and the half width of its 95 % interval."""
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return f"{mean:.4f} ± {1.96 * deviation / math.sqrt(len(values)):.4f}"


if __name__ == "__main__":
    main()
