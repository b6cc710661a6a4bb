"""Real quarterly reports with tables: how fast they are ingested, and whether the report asked about is found.

    python benchmarks/rag/sec10q.py --data PATH

PATH holds `pdf/*.pdf` and `questions.jsonl` with `question` and `source_docs`. "found" is the share of questions for
which a report that holds the answer is the source of one of the first five passages; "covered" is the mean share of all
reports that a question needs.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from pilothouse.models import Encoder, EncoderStore
from pilothouse.rag import ChunkSettings, CorpusIndex, ingest
from pilothouse.rag.retrieve import search
from pilothouse.settings import Settings

TOP = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    encoder = Encoder(EncoderStore(Settings.from_env().models_dir).ensure())
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / "sec10q"
        cpu = time.process_time()
        report = ingest(folder, [data / "pdf"], encoder, ChunkSettings(), lambda done, total, note="": None)
        cpu = time.process_time() - cpu
        print(f"{len(report.outcomes)} files, {report.pages} pages, {report.chunks} chunks, {report.embedded} vectors")
        print(f"ingest {report.seconds:.1f} s, {cpu:.1f} s of CPU, {report.pages / report.seconds:.1f} pages/s")
        index = CorpusIndex(folder)
        for name, weight in (("dense", 1.0), ("bm25", 0.0), ("hybrid", 0.5)):
            _measure(name, index, data / "questions.jsonl", encoder, weight)
        index.close()


def _measure(name: str, index: CorpusIndex, questions: Path, encoder: Encoder, weight: float) -> None:
    found, covered, seconds = [], [], 0.0
    for line in questions.read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        wanted = set(item["source_docs"])
        started = time.perf_counter()
        vector = encoder.encode([item["question"]])[0]
        with index.reading() as reading:
            sources = {hit.source for hit in search(reading, item["question"], vector, TOP, weight)}
        seconds += time.perf_counter() - started
        found.append(bool(wanted & sources))
        covered.append(len(wanted & sources) / len(wanted))
    count = len(found)
    print(
        f"{name:8} found@{TOP} {sum(found) / count:.3f}  covered@{TOP} {sum(covered) / count:.3f}  "
        f"{count} questions, {1000 * seconds / count:.1f} ms each"
    )


if __name__ == "__main__":
    main()
